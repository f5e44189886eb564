"""From a vendor's bytes to records. Pure; whatever the bytes are, only the errors named in a docstring leave."""
