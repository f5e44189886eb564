"""The checks: each a pure function over what was loaded, which says how much it looked at and what was not so."""
