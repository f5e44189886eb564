"""The shapes that photo_sync works with; no I/O, no decisions."""
