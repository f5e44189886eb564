"""One file a door: who may push, what the body means, how it is answered."""
