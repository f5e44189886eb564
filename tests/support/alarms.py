"""Alarms of a process that has no database: none is in force."""

from typing import cast

from synckit.consumer import Alarms
from synckit.postgres import Pool


class NoAlarms(Alarms):
    """None is ever raised."""

    def __init__(self) -> None:
        super().__init__(cast("Pool", None), "test")

    async def list_topics(self) -> frozenset[str]:
        """None."""
        return frozenset()

    async def tell(self) -> None:
        """Nobody."""
