"""Stacks that are killed, frozen and starved: what `conftest` starts ends when a worker leaves this package."""
