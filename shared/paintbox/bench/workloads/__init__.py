"""One module a workload: what it prepares, who takes turns in its rounds, what it makes of the figures."""
