"""The decisions of photo_sync: values in, values out. No await, no clock, no I/O."""
