"""`paintbox rebuild`: a read model anew from what its owner has published, before whoever reads by it is started."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.databases import Database, DatabaseError
from paintbox.environment import SERVERS, operator_environment, require
from paintbox.errors import OperatorError

if TYPE_CHECKING:
    from paintbox.customer_refs import Filled


class ReadModel(StrEnum):
    """Those that must be whole before their service is started. The others it builds anew itself."""

    CUSTOMER_REFS = "customer-refs"


def rebuild(
    model: Annotated[ReadModel, typer.Argument(metavar="customer-refs", help="What projects find customers by.")],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a read model say what the topic of its owner says, no more and no less.

    photo-sync must not run: with half of the customers it would find one where there are two. Twice is harmless.
    """
    dsn, servers = require(operator_environment(directory), Database.PROJECTS.dsn_name, SERVERS)
    try:
        filled = asyncio.run(_rebuild(dsn, servers))
    except DatabaseError as error:
        raise OperatorError(f"{Database.PROJECTS}: {error}") from error
    if as_json:
        typer.echo(json.dumps({"model": model, **asdict(filled)}))
    else:
        typer.echo("\n".join(_lines(filled)))


async def _rebuild(dsn: str, servers: str) -> "Filled":
    from paintbox import customer_refs
    from paintbox.output import Bar

    with Bar("reading the topic", 0) as bar:
        return await customer_refs.rebuild(dsn, servers, bar.reach)


def _lines(filled: "Filled") -> Iterator[str]:
    yield f"{filled.customers:,} customers: {filled.changed:,} written, {filled.erased:,} erased"
    for reason, many in sorted(filled.passed_over.items()):
        yield f"{many:,} records are passed over: {reason}"
