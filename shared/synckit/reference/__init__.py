"""The look-up tables that every database has a copy of: their data and their migrations."""
