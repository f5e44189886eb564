"""A run's watch: looks again and again how far it has come, until something is reached or the time is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from paintbox.demo import standstill
from paintbox.demo.counts import Count, Counts, Lack
from paintbox.demo.sessions import Sessions
from paintbox.errors import OperatorError
from paintbox.world import found, steering
from paintbox.world.edits import Vendor
from paintbox.world.ids import NOTHING, Ids
from paintbox.world.steering import VENDORS

LOOK_SECONDS: Final = 0.4
LONGEST_LOOK_SECONDS: Final = 15.0
MOST_LACKS: Final = 6
"""How many of the things that are missing an error names."""

Condition = Callable[[Counts], Awaitable[Sequence[Lack]]]
"""What is still missing; nothing where it is reached."""


class Watch:
    """What there was before the run, and until when the run may take."""

    def __init__(
        self,
        sessions: Sessions,
        show: Callable[[Counts], None],
        log_of: Callable[[str], Path],
        seconds: float,
    ) -> None:
        """`log_of` is the log of a process, by its name; `seconds` is how long the run may take from `begin` on."""
        self._sessions = sessions
        self._ids = NOTHING
        self._show = show
        self._log_of = log_of
        self._seconds = seconds
        self._deadline = 0.0
        self._doors: dict[Vendor, set[str]] = {}
        """Our subscriptions: a simulator may have other subscribers."""
        self._before: dict[Vendor, Mapping[str, int]] = {}
        self._made_before: dict[Vendor, int] = {}
        self._seen: dict[Vendor, int] = {}
        self._records_before = 0
        self._records_due = 0

    async def begin(self) -> None:
        """Starts the clock, waits until nothing that an earlier run left behind moves, and notes what there is.

        An interrupted run's customers still come in: projects of this one could be theirs.
        """
        self._deadline = time.monotonic() + self._seconds
        while left := [*await self._left_behind(), *await standstill.movements(self._sessions)]:
            await self._pause("What an earlier run left behind did not end", left)
        self._seen = dict(self.deliveries_before)
        self._records_before = await self._sessions.kafka.count_records()

    def expect(self, ids: Ids) -> None:
        """Says which records the run is about: no look is taken before."""
        self._ids = ids

    @property
    def deliveries_before(self) -> Mapping[Vendor, int]:
        """The number of each vendor's last delivery before the run, to whomever."""
        return self._made_before

    async def until(self, lacks_of: Condition) -> Counts:
        """Looks until nothing is missing; what was seen last.

        Raises OperatorError when the time is over, or where a simulator has given up: it says what is missing.
        """
        while lacks := await lacks_of(counts := await self.look()):
            for vendor, many in counts.given_up.items():
                if many:
                    raise OperatorError(
                        self._sentence(f"The simulator {vendor} has given up {many:,} deliveries", lacks)
                    )
            await self._pause("The run did not end", lacks)
        return counts

    async def look(self) -> Counts:
        """Looks once, and shows it. Raises OperatorError where that takes longer than anything could."""
        try:
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                counts = await self._counted()
        except TimeoutError:
            raise OperatorError(
                f"How far the run has come could not be seen within {LONGEST_LOOK_SECONDS:g} s: a database or a "
                "simulator does not answer. `paintbox status` shows which."
            ) from None
        self._show(counts)
        return counts

    async def _counted(self) -> Counts:
        grown = {vendor: await self._deliveries_of(vendor) for vendor in VENDORS}
        made = sum(sum(states.values()) for states in grown.values())
        pending = {vendor: states["pending"] for vendor, states in grown.items()}
        records = await self._sessions.kafka.count_records() - self._records_before
        customers = await found.count_customers(self._sessions.customers, self._ids)
        projects = await found.count_projects(self._sessions.projects, self._ids)
        return Counts(
            sent=Count(made - sum(pending.values()), made),
            answered=Count(sum(states["delivered"] for states in grown.values()), made),
            in_kafka=Count(records, self._records_due),
            rows=Count(customers["rows"] + projects["projects"] + projects["photos"], self._ids.rows),
            keys=Count(customers["keys"], len(self._ids.projects)),
            held_projects=projects["held_projects"],
            held_photos=projects["seen_photos"] - projects["photos"],
            pending=pending,
            given_up={vendor: states["failed"] for vendor, states in grown.items()},
        )

    async def _deliveries_of(self, vendor: Vendor) -> Mapping[str, int]:
        """How many deliveries the run made, by state; notes how many records they tell of."""
        simulators, doors = self._sessions.simulators, self._doors[vendor]
        for delivery in await steering.list_deliveries(simulators, vendor, self._seen[vendor], doors):
            self._seen[vendor] = delivery.seq
            self._records_due += len(delivery.records)
        now = await steering.count_deliveries(simulators, vendor, doors)
        return {state: many - self._before[vendor][state] for state, many in now.items()}

    async def _left_behind(self) -> list[Lack]:
        simulators = self._sessions.simulators
        for vendor in VENDORS:
            doors = self._doors[vendor] = await steering.list_subscriptions(simulators, vendor, self._sessions.doors)
            self._before[vendor] = await steering.count_deliveries(simulators, vendor, doors)
            # numbered from 1, without gaps
            self._made_before[vendor] = sum((await steering.count_deliveries(simulators, vendor)).values())
        pending = {vendor: states["pending"] for vendor, states in self._before.items()}
        return [Lack(vendor, f"{vendor} has {many:,} to make") for vendor, many in pending.items() if many]

    async def _pause(self, failure: str, lacks: Sequence[Lack]) -> None:
        if time.monotonic() >= self._deadline:
            raise OperatorError(self._sentence(f"{failure} within {self._seconds:g} s", lacks))
        await asyncio.sleep(LOOK_SECONDS)

    def _sentence(self, what: str, lacks: Sequence[Lack]) -> str:
        named = "; ".join(lack.what for lack in lacks[:MOST_LACKS])
        logs = ", ".join(dict.fromkeys(str(self._log_of(lack.part)) for lack in lacks[:MOST_LACKS]))
        return f"{what}: {named}. `paintbox status` shows more; the logs are {logs}."
