"""`paintbox topics apply|list`: the topics of the contracts in a Kafka cluster."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Final

import typer

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.environment import operator_environment, require
from paintbox.errors import OperatorError

SERVERS: Final = "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"
FACTOR: Final = "PAINTBOX_KAFKA_REPLICATION_FACTOR"
MIN_INSYNC: Final = "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS"
IN_PRODUCTION: Final = {FACTOR: 3, MIN_INSYNC: 2}

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
    replication = topics.Replication(number(environment, FACTOR), number(environment, MIN_INSYNC))
    changes = asyncio.run(topics.apply(servers, replication, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "changes": [asdict(change) for change in changes]}))
    for change in () if as_json else changes:
        what = (TO_DO if dry_run else DONE)[change.kind]
        why = f" ({change.reason})" if change.reason else ""
        typer.echo(f"{change.topic:<34}{what:<18}{change.setting}: {change.found or 'none'} -> {change.wanted}{why}")
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


def number(environment: Mapping[str, str], name: str) -> int:
    """The setting as a number of brokers. Raises OperatorError where it is none."""
    text = environment.get(name, str(IN_PRODUCTION[name]))
    if not text.isdecimal() or int(text) < 1:
        raise OperatorError(f"{name} is not a number of brokers from 1 up.")
    return int(text)
