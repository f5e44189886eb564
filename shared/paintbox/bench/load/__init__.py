"""Where the load comes from: bodies made beforehand, and a generator in a process of its own."""
