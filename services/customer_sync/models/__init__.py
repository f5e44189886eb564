"""The shapes that customer_sync works with; no I/O, no decisions."""
