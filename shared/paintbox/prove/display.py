"""A proof's progress as it is shown: live on a terminal, else a line for all that happens, or nothing."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from paintbox.environment import SERVERS
from paintbox.errors import OperatorError
from paintbox.prove.nemesis import Event, Phase
from paintbox.status.lag import topic_lags
from paintbox.world import steering
from paintbox.world.steering import VENDORS

LOOK_SECONDS: Final = 1.0
LAG_SECONDS: Final = 5.0
LINE_SECONDS: Final = 10.0
LINES: Final = 12
STYLES: Final = {
    Phase.BEGUN: "red",
    Phase.HEALED: "yellow",
    Phase.RECOVERED: "green",
    Phase.FAILED: "bold red",
    Phase.NOT_RECOVERED: "bold red",
    Phase.DIED: "bold red",
    Phase.STARTED: "yellow",
}


class Display:
    """Shows what is being done to what, how much was delivered, and how far behind everybody is."""

    def __init__(self, console: Console | None) -> None:
        """`console`: None shows nothing."""
        self._console = console
        self._live: Live | None = None
        self._began = self._shown = time.monotonic()
        self._lines: deque[Text] = deque(maxlen=LINES)
        self._at_work: dict[int, str] = {}
        self._counts: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self._console is not None and self._console.is_terminal:
            self._live = Live(self._view(), console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, what: str, style: str = "") -> None:
        """What is done now."""
        line = Text(f"{time.monotonic() - self._began:>6.1f} s  {what}", style=style)
        self._lines.append(line)
        if self._live is not None:
            self._live.update(self._view())
        elif self._console is not None:
            self._console.print(line, soft_wrap=True)

    def event(self, event: Event) -> None:
        """Something that the nemesis did or saw."""
        if event.stroke is not None:
            if event.phase is Phase.BEGUN:
                self._at_work[event.stroke.number] = event.stroke.says
            else:
                self._at_work.pop(event.stroke.number, None)
        took = f" after {event.seconds:.1f} s" if event.seconds is not None else ""
        self.say(f"{event.phase.value:<14}{event.says}{took}", STYLES[event.phase])

    def acts(self, done: int, planned: int) -> None:
        """How many of the changes at the vendors are done."""
        self._counts["changes"] = f"{done:,} of {planned:,}"

    def lacks(self, what: str) -> None:
        """What has not come to rest yet."""
        self._counts["not at rest"] = what
        self._tick()

    async def watch(self, environment: Mapping[str, str]) -> None:
        """Looks until cancelled. What does not answer is shown as such."""
        counted = 0.0
        while self._console is not None:
            await self._count_deliveries(environment)
            self._tick()
            if time.monotonic() - counted > LAG_SECONDS:
                counted = time.monotonic()
                await self._count_lags(environment)
            await asyncio.sleep(LOOK_SECONDS)

    async def _count_deliveries(self, environment: Mapping[str, str]) -> None:
        try:
            async with steering.connected(environment) as simulators:
                for vendor in VENDORS:
                    counts = await steering.count_deliveries(simulators, vendor)
                    text = f"{counts['delivered']:,} delivered, {counts['pending']:,} to make"
                    self._counts[vendor] = text
        except OperatorError:
            self._counts["simulators"] = "no answer"

    async def _count_lags(self, environment: Mapping[str, str]) -> None:
        try:
            topics = await topic_lags(environment[SERVERS])
        except OperatorError:
            self._counts["lag"] = "Kafka does not answer"
            return
        behind: dict[str, int] = {}
        for topic in topics:
            for group, lag in topic.lag.items():
                behind[group] = behind.get(group, 0) + lag
        self._counts["lag"] = ", ".join(f"{group} {lag:,}" for group, lag in sorted(behind.items())) or "none"

    def _tick(self) -> None:
        if self._live is not None:
            self._live.update(self._view())
        elif time.monotonic() - self._shown > LINE_SECONDS:
            self._shown = time.monotonic()
            self.say("; ".join(f"{name}: {count}" for name, count in self._counts.items()), "dim")

    def _view(self) -> Group:
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, count in self._counts.items():
            table.add_row(name, count)
        at_work = Text("at work: " + ("; ".join(self._at_work.values()) or "nothing"), style="red")
        return Group(*self._lines, Text(""), at_work, table)
