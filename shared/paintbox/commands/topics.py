"""`paintbox topics apply|list`: the topics of the contracts in a Kafka cluster."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Final

import typer

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.environment import SERVERS, operator_environment, require

DONE: Final = {"create": "created", "grow": "grown", "configure": "configured", "drift": "left as it is"}
TO_DO: Final = {"create": "to be created", "grow": "to be grown", "configure": "to be configured", "drift": "different"}

app = typer.Typer(no_args_is_help=True, help="The topics of the contracts in a Kafka cluster.")


@app.command()
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make what is missing and put right what loses no record. Exits 1 where something is left for a person to do."""
    from paintbox import topics

    environment = operator_environment(directory)
    (servers,) = require(environment, SERVERS)
    changes = asyncio.run(topics.apply(servers, topics.replication_of(environment), dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "changes": [asdict(change) for change in changes]}))
    for change in () if as_json else changes:
        typer.echo(topics.sentence(change, (TO_DO if dry_run else DONE)[change.kind]))
    if not as_json and not changes:
        typer.echo("every topic is as it is defined")
    if any(change.kind is topics.Kind.DRIFT for change in changes):
        raise typer.Exit(1)


@app.command(name="list")
def list_topics(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Show each topic of the contracts: what it is for, and how the cluster has it."""
    from paintbox import topics
    from synckit.contracts.topics import TOPICS

    (servers,) = require(operator_environment(directory), SERVERS)
    found = asyncio.run(topics.find(servers))
    if as_json:
        shown = [
            {
                "topic": topic.name,
                "key": topic.key,
                "value": topic.value,
                "cleanup": topic.cleanup.value,
                "retention_days": topic.retention_days,
                "exists": topic.name in found,
                "partitions": found[topic.name].partitions if topic.name in found else None,
            }
            for topic in TOPICS
        ]
        typer.echo(json.dumps({"topics": shown}))
        return
    for topic in TOPICS:
        kept = f"{topic.cleanup}, {topic.retention_days} days" if topic.retention_days else topic.cleanup.value
        has = f"{found[topic.name].partitions} partitions" if topic.name in found else "missing"
        typer.echo(f"{topic.name:<34}{has:<15}{kept:<17}key: {topic.key}")
