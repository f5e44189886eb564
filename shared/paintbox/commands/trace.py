"""`paintbox trace`: the whole story of one event or record."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from paintbox.commands.options import DirectoryOption, JsonOption, as_text
from paintbox.environment import operator_environment
from paintbox.errors import OperatorError

if TYPE_CHECKING:
    from paintbox.prove.trace import Story


def trace(
    subject: Annotated[
        str,
        typer.Argument(callback=as_text, help="An event id, a vendor's record id, a row's id or a correlation id."),
    ],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where an event or a record was seen, when, and by whom: log, mirror, rows, outbox, topics, keys.

    Reads the topics from their beginning. Nothing personal is shown. Exits 1 where nobody knows it, and where Kafka
    could not be read: what the databases say is told all the same.
    """
    from paintbox.prove import trace as tracing

    story = asyncio.run(tracing.tell(operator_environment(directory), subject))
    if as_json:
        typer.echo(json.dumps(story.as_document()))
    else:
        _show(story)
    if story.topics_unread:
        raise OperatorError(f"what the topics say is not told. {story.topics_unread}")
    if not story.seen:
        raise typer.Exit(1)


def _show(story: "Story") -> None:
    if not story.seen:
        typer.echo(f"{story.subject} was seen {'in no database' if story.topics_unread else 'nowhere'}")
    for seen in story.seen:
        typer.echo(f"{seen.at:<24}  {seen.where:<28}  {seen.what} (by {seen.by})")
