"""What we publish: rows of the owner's transaction, sent in their order by one fenced relay."""
