"""`paintbox`: the operator's command line. `paintbox --help` says what there is."""

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from paintbox.commands import bench, demo, migrate, parked, prove, rebuild, restored, seed, stack, status, topics, trace
from paintbox.errors import OperatorError, foreseen

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Operates the Paintbox sync services, and runs all of them on this machine.",
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"paintbox {version('paintbox-sync')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What every command shares."""
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)


app.command()(stack.up)
app.command()(stack.down)
app.command()(status.status)
app.command()(stack.clean)
app.command()(demo.demo)
app.command()(prove.prove)
app.command()(bench.bench)
app.command()(stack.setup)
app.command()(migrate.migrate)
app.command()(seed.seed)
app.command()(restored.restored)
app.command()(rebuild.rebuild)
app.command()(trace.trace)
app.add_typer(topics.app, name="topics")
app.add_typer(parked.app, name="parked")


def main() -> None:
    """Runs the command. Exits 1 with a sentence where something is wrong that an operator can put right."""
    try:
        app()
    except (OperatorError, OSError) as error:
        sentence = foreseen(error)
        if sentence is None:
            raise
        _fail(sentence)


def _fail(sentence: str) -> None:
    sys.stderr.write(f"error: {sentence}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main()
