"""How a command shows what it does: a line a part with its time, and on a terminal what it waits for."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress


class OnTerminal:
    """On a terminal, a line that moves for as long as the block lasts; elsewhere nothing."""

    def __init__(self, console: Console, text: str) -> None:
        self._status = console.status(text) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()


class PartLines(OnTerminal):
    """Prints a line for each part that has ended, and on a terminal names those that are under way."""

    def __init__(self, console: Console, doing: str) -> None:
        super().__init__(console, doing)
        self._console = console
        self._doing = doing
        self._waiting: dict[str, float] = {}

    def begin(self, part: str) -> None:
        """The part is under way."""
        self._waiting[part] = time.monotonic()
        self._show()

    def end(self, part: str, what: str, seconds: float, style: str = "") -> None:
        """The part has ended so."""
        self._waiting.pop(part, None)
        self.say(f"{part:<18}{what:<18}{seconds:>6.1f} s", style)
        self._show()

    def say(self, line: str, style: str = "") -> None:
        """A line of its own."""
        self._console.print(escape(line), style=style or None, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        if self._status is not None:
            self._status.update(escape(f"{self._doing} {', '.join(self._waiting)}"))


class Bar:
    """How much of something is done, on a terminal; nothing elsewhere. On standard error, beside what is reported."""

    def __init__(self, doing: str, total: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(console=console, disable=not console.is_terminal, transient=True)
        self._task = self._progress.add_task(doing, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def reach(self, done: int, total: int | None = None) -> None:
        """So much of it is done by now; of so much, where that was not known before."""
        self._progress.update(self._task, completed=done, total=total)
