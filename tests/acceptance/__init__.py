"""Whole stacks as their users have them: what `conftest` starts ends when a worker leaves this package."""
