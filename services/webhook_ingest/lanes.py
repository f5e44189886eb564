"""Which partitions take nothing while others do: what lies in these waits, and holds nothing else up."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from synckit.partitions import choose_partition

LITTLE: Final = 16 * 1024
"""Bytes that any link gets through in the time that they have: where these fail it is not the link."""

Lane = tuple[str, int | None]
"""A topic and its partition; None where nobody knows how many it has."""


class Lanes:
    """What is known of them while rows of the spool are gone through, again and again.

    Rows have a `topic`, a `key`, `headers` and a `value`.
    """

    def __init__(self) -> None:
        self._partitions: dict[str, int] = {}
        self._stuck: set[Lane] = set()
        self._suspects: set[Lane] = set()

    @property
    def are_all_open(self) -> bool:
        """Whether no row is held back."""
        return not self._stuck and not self._suspects

    def learn(self, partitions: Mapping[str, int]) -> None:
        """How many partitions topics have, as far as a producer knows."""
        self._partitions.update(partitions)

    def sendable(self, rows: Sequence[Any]) -> list[Any]:
        """The rows that are to be sent: none of a lane that is stuck, one of a lane that was."""
        sendable, held = [], set(self._stuck)
        for row in rows:
            lane = self._lane(row)
            if lane not in held:
                sendable.append(row)
            if lane in self._suspects:
                held.add(lane)
        return sendable

    def judge(self, rows: Sequence[Any], outcomes: Sequence[BaseException | None]) -> bool:
        """Whether lanes alone are why some of these rows did not get through, not how much was sent at once.

        They are where nothing of theirs got through and more than that did elsewhere; or where each had little to take.
        """
        through = [row for row, error in zip(rows, outcomes, strict=True) if error is None]
        failed = [row for row, error in zip(rows, outcomes, strict=True) if error is not None]
        took, refused = set(map(self._lane, through)), set(map(self._lane, failed))
        self._suspects -= took
        is_little = sum(map(size, rows)) <= LITTLE and len(refused) == len(rows)
        is_less = sum(map(size, failed)) <= sum(map(size, through)) and took.isdisjoint(refused)
        if is_little or is_less:
            self._stuck |= refused
        return is_little or is_less

    def start_again(self) -> None:
        """All rows were gone through: what was stuck is tried again, with one row each."""
        self._suspects |= self._stuck
        self._stuck.clear()

    def _lane(self, row: Any) -> Lane:
        topic, key, count = row["topic"], row["key"], self._partitions.get(row["topic"])
        return topic, None if key is None or count is None else choose_partition(key.encode(), range(count))


def size(row: Any) -> int:
    """The bytes of a row, as far as they are many."""
    return len(row["headers"]) + len(row["value"])
