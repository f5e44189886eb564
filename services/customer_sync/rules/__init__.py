"""The decisions of customer_sync: values in, values out. No await, no clock, no I/O."""
