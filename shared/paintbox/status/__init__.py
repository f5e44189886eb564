"""What `paintbox status` knows: which parts are up, how far behind consumers are, what waits and what was set aside."""
