"""Eight mistakes made on purpose, outside of the product: a checker that none of them can fail would be worth nothing.

`python -m paintbox.prove.mutants <name> <module>` runs a service with one of them; nothing of the product knows.
"""
