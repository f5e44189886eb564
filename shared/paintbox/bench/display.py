"""A bench's progress: on a terminal what is under way, elsewhere a line a step."""

import time
from typing import Final

from rich.console import Console
from rich.markup import escape

from paintbox.output import OnTerminal

STEP_STYLE: Final = "dim"


class Display(OnTerminal):
    """Shows what one workload is doing, and for how long it has been at it."""

    def __init__(self, console: Console, workload: str) -> None:
        super().__init__(console, workload)
        self._console = console
        self._workload = workload
        self._began = time.monotonic()

    def say(self, step: str) -> None:
        """This is under way now."""
        line = escape(f"{self._workload}  {time.monotonic() - self._began:6.1f} s  {step}")
        if self._status is not None:
            self._status.update(line)
        else:
            self._console.print(line, style=STEP_STYLE, highlight=False, soft_wrap=True)
