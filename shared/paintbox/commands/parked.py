"""`paintbox parked list`: records that could not work, and deliveries that nobody understood."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.environment import operator_environment, require

if TYPE_CHECKING:
    from paintbox.parked import SetAside

app = typer.Typer(no_args_is_help=True, help="Records that could not work, and deliveries that nobody understood.")


@app.command(name="list")
def list_parked(
    consumer: Annotated[str | None, typer.Option(help="Of one consumer, such as customer-sync.")] = None,
    topic: Annotated[str | None, typer.Option(help="Of one topic.")] = None,
    reason: Annotated[str | None, typer.Option(help="With one reason, such as key_mismatch.")] = None,
    key: Annotated[str | None, typer.Option(help="With one key.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most, the newest first.")] = 50,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was set aside and why, the newest first. Payloads are not shown: they may be about people."""
    from paintbox import parked

    (dsn,) = require(operator_environment(directory), "PAINTBOX_INTEGRATIONS_DSN")
    wanted = parked.Filter(consumer=consumer, topic=topic, reason=reason, key=key)
    found = asyncio.run(parked.list_set_aside(dsn, wanted, limit))
    if as_json:
        typer.echo(orjson.dumps({"parked": found}))
    elif not found:
        typer.echo("nothing is parked or quarantined")
    else:
        _show(found)


def _show(found: "list[SetAside]") -> None:
    table = Table("id", "kind", "consumer", "from", "key", "reason", "attempt", "since", box=None, pad_edge=False)
    for one in found:
        origin = one.topic if one.partition is None else f"{one.topic}/{one.partition}@{one.offset}"
        reason = one.reason if one.kind == "quarantined" else f"{one.reason}: {one.detail}"
        since = f"{one.since:%Y-%m-%d %H:%M:%S}"
        cells = (one.id, one.kind, one.consumer, origin, one.key, reason, str(one.attempt), since)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)
