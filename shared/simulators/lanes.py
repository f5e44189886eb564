"""Which deliveries may be sent now: those that are due, each record's in order and one at a time."""

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Final

from simulators.deliveries import Queued

HOLD_SECONDS: Final = 2.0
"""For how long a held delivery waits for one that overtakes it."""

Lane = tuple[str, str]
"""A subscription and a record that it is told of."""


class Lanes:
    """The deliveries that wait, in memory. A merged message stands in the lanes of all its records at once."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        """`sizes`: how many deliveries of each form one request carries at most."""
        self._sizes = sizes
        self._later: list[tuple[float, int, int, Queued]] = []
        self._added = count()
        self._held: dict[Lane, Queued] = {}
        self._overtaken: set[Queued] = set()
        self._lanes: dict[Lane, deque[Queued]] = {}
        self._behind: dict[int, int] = {}
        self._ready: dict[str, deque[Queued]] = {}

    def add(self, queued: Queued) -> None:
        """Takes a delivery in, for when it is due. One that is held behind another held one is not held itself."""
        due = queued.due
        if queued.held and not any(lane in self._held for lane in _lanes_of(queued)):
            self._held.update(dict.fromkeys(_lanes_of(queued), queued))
            due += HOLD_SECONDS
        heappush(self._later, (due, queued.seq, next(self._added), queued))

    def release(self, now: float) -> None:
        """Lets in what is due by now, and behind it what it was to overtake."""
        while self._later and self._later[0][0] <= now:
            queued = heappop(self._later)[-1]
            if queued in self._overtaken:
                self._overtaken.remove(queued)
                continue
            self._enter(queued)
            self._let_go_behind(queued)

    def _let_go_behind(self, queued: Queued) -> None:
        held_here = {self._held[lane] for lane in _lanes_of(queued) if lane in self._held}
        for held in sorted(held_here, key=lambda each: each.seq):
            if held.seq > queued.seq:
                continue
            for lane in _lanes_of(held):
                del self._held[lane]
            if held is not queued:
                self._overtaken.add(held)
                self._enter(held)

    def _enter(self, queued: Queued) -> None:
        behind = 0
        for lane in _lanes_of(queued):
            line = self._lanes.setdefault(lane, deque())
            behind += bool(line)
            line.append(queued)
        if behind:
            self._behind[queued.seq] = behind
        else:
            self._ready.setdefault(queued.subscription, deque()).append(queued)

    def next_due(self) -> float | None:
        """When `release` has something to do again."""
        return self._later[0][0] if self._later else None

    def take(self) -> list[Queued]:
        """The deliveries of the next request, all of one subscription; empty where nothing may be sent now.

        Subscriptions take turns. The caller owes `done`.
        """
        if not self._ready:
            return []
        subscription = next(iter(self._ready))
        line = self._ready.pop(subscription)
        taken = [line.popleft() for _ in range(min(len(line), self._sizes[line[0].form]))]
        if line:
            self._ready[subscription] = line
        return taken

    def done(self, taken: Sequence[Queued]) -> None:
        """Frees the lanes of what was taken, however it ended."""
        for queued in taken:
            for lane in _lanes_of(queued):
                self._lanes[lane].popleft()
                self._advance(lane)

    def _advance(self, lane: Lane) -> None:
        line = self._lanes[lane]
        if not line:
            del self._lanes[lane]
            return
        first = line[0]
        self._behind[first.seq] -= 1
        if not self._behind[first.seq]:
            del self._behind[first.seq]
            self._ready.setdefault(first.subscription, deque()).append(first)


def _lanes_of(queued: Queued) -> list[Lane]:
    return [(queued.subscription, record) for record in queued.records]
