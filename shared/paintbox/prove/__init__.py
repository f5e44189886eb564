"""`paintbox prove`: everything at once, faults at it, and a ledger that must balance."""
