"""A bench's progress: on a terminal what is under way, elsewhere a line a step."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status

STEP_STYLE: Final = "dim"


class Display:
    """Shows what one workload is doing, and for how long it has been at it."""

    def __init__(self, console: Console, workload: str) -> None:
        self._console = console
        self._workload = workload
        self._began = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status(self._workload)
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, step: str) -> None:
        """This is under way now."""
        line = escape(f"{self._workload}  {time.monotonic() - self._began:6.1f} s  {step}")
        if self._status is not None:
            self._status.update(line)
        else:
            self._console.print(line, style=STEP_STYLE, highlight=False, soft_wrap=True)
