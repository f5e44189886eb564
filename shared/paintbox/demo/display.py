"""A run's progress as it is shown: bars on a terminal, else a line every few seconds, or nothing."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from paintbox.demo.counts import Count, Counts

LINE_SECONDS: Final = 3.0
COUNTED: Final = {
    "sent": "deliveries sent",
    "answered": "answered 2xx",
    "in_kafka": "in Kafka",
    "rows": "rows",
    "keys": "keys applied",
}
"""What is shown of the counts, and what it is called."""


class Display:
    """Shows what is done and how far it has come."""

    def __init__(self, console: Console | None) -> None:
        """`console`: None shows nothing."""
        self._console = console
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        self._started = self._shown = time.monotonic()
        if self._console is not None and self._console.is_terminal:
            columns = (TextColumn("  {task.description:<16}"), BarColumn(), TextColumn("{task.fields[many]}"))
            self._bars = Progress(*columns, console=self._console)
            self._tasks = {name: self._bars.add_task(title, total=None, many="") for name, title in COUNTED.items()}
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, what: str) -> None:
        """What is done now."""
        if self._console is not None:
            self._console.print(f"{self._age():>6.1f} s  {what}", highlight=False, soft_wrap=True, markup=False)

    def show(self, counts: Counts) -> None:
        """How far it has come."""
        if self._bars is not None:
            for name, task in self._tasks.items():
                count: Count = getattr(counts, name)
                self._bars.update(task, completed=count.done, total=count.due or None, many=_of(count))
        elif time.monotonic() - self._shown >= LINE_SECONDS:
            self._shown = time.monotonic()
            self.say("  " + ", ".join(f"{title} {_of(getattr(counts, name))}" for name, title in COUNTED.items()))

    def _age(self) -> float:
        return time.monotonic() - self._started


def _of(count: Count) -> str:
    return f"{count.done:,} of {count.due:,}"
