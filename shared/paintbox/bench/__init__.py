"""How fast it is: ratios in one run on one machine, to what the servers could do at best and to a plain solution."""
