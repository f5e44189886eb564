"""`paintbox parked`: records that could not work, deliveries that nobody understood, and consumers that stopped."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from paintbox.commands.options import DirectoryOption, JsonOption, as_text, repeated
from paintbox.commands.stack import INTERRUPTED, interrupted_by_sigterm
from paintbox.environment import operator_environment, require
from paintbox.errors import OperatorError

if TYPE_CHECKING:
    from paintbox.parked.listing import Filter, SetAside
    from paintbox.parked.progress import Progress

MANY: Final = 1_000
"""More than so many are redriven with --yes only."""
SHOWN: Final = 20

app = typer.Typer(no_args_is_help=True, help="Records that could not work, and deliveries that nobody understood.")

IdOption = Annotated[
    list[str] | None, typer.Option("--id", callback=as_text, help="This one; may be given several times.")
]
ConsumerOption = Annotated[str | None, typer.Option(callback=as_text, help="Of one consumer, such as customer-sync.")]
TopicOption = Annotated[
    str | None,
    typer.Option(callback=as_text, help="Of one topic; of quarantined deliveries a vendor too, such as company_cam."),
]
ReasonOption = Annotated[str | None, typer.Option(callback=as_text, help="With one reason, such as key_mismatch.")]
KeyOption = Annotated[str | None, typer.Option(help="With one key, as text or as `list` shows it.")]
OlderOption = Annotated[
    str | None, typer.Option(help="Set aside longer ago than this: 30m, 2h, 7d, or a time such as 2026-01-31T12:00Z.")
]
NewerOption = Annotated[str | None, typer.Option(help="Set aside since then; the same forms.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@app.command(name="list")
def list_parked(  # noqa: PLR0913 - an option is an argument
    *,
    ids: IdOption = None,
    consumer: ConsumerOption = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    key: KeyOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Those too that were redriven or dropped.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most, the newest first.")] = 50,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was set aside and why, the newest first. Payloads are not shown: they may be about people."""
    from paintbox.parked import listing, text

    wanted = _filter(ids, consumer, topic, reason, key, older_than, newer_than, with_decided=everything)
    dsn = _dsn(directory)
    found = asyncio.run(listing.list_set_aside(dsn, wanted, limit))
    alarms = asyncio.run(listing.list_alarms(dsn))
    if as_json:
        typer.echo(orjson.dumps({"parked": found, "alarms": alarms}))
        return
    if not found:
        typer.echo("nothing is parked or quarantined")
    else:
        typer.echo("\n".join(text.listed(found)))
    for alarm in alarms:
        typer.echo(text.alarm(alarm, repeated(directory)))


@app.command()
def show(
    wanted: Annotated[str, typer.Argument(metavar="ID", callback=as_text, help="As `list` shows it.")],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one record whole: its headers, and its value, which may be about people. Nobody else is shown it."""
    from paintbox.parked import record, text

    whole = asyncio.run(record.get_whole(_dsn(directory), wanted))
    if as_json:
        document = {"record": whole.about, "headers": whole.headers, "value": record.readable(whole.value)}
        typer.echo(orjson.dumps(document))
    else:
        typer.echo(text.whole(whole))


@app.command()
def redrive(  # noqa: PLR0913 - an option is an argument
    *,
    ids: IdOption = None,
    consumer: ConsumerOption = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    key: KeyOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    wait: Annotated[float, typer.Option(min=0, help="For how many seconds to wait for the outcome.")] = 60.0,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", help=f"Do so for more than {MANY:,} too.")] = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have records put through again by the consumer that owns them; without a filter all that are open.

    They go through the same merge as ever, so a record that is redriven twice, or after a newer one, changes nothing.
    Exits 0 where all of them worked, 1 where some failed again, were dropped meanwhile or still wait, 2 where --yes is
    needed.
    """
    from paintbox.parked import listing

    picked, dsn = _filter(ids, consumer, topic, reason, key, older_than, newer_than), _dsn(directory)
    found = asyncio.run(listing.list_set_aside(dsn, picked, None))
    _demand(ids, found)
    if dry_run or (len(found) > MANY and not yes):
        _show_plan("redriven", found, as_json=as_json)
        raise typer.Exit(0 if dry_run else 2)
    try:
        with interrupted_by_sigterm():
            progress = asyncio.run(_redrive(dsn, picked, wait))
    except KeyboardInterrupt:
        typer.echo(
            "interrupted: what is marked by now stays so, and its consumers go on with it; `paintbox parked list` "
            "shows what is left, `paintbox parked drop` ends it",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None
    _tell(progress, as_json=as_json)
    raise typer.Exit(0 if progress.is_good else 1)


@app.command()
def drop(  # noqa: PLR0913 - an option is an argument
    *,
    ids: IdOption = None,
    consumer: ConsumerOption = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    key: KeyOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it only what would be dropped is shown.")] = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give records up: they are kept, but never applied. At least one filter and --yes are demanded (else exit 2).

    Exits 1 where some were put through, or dropped, meanwhile.
    """
    from paintbox.parked import decisions, listing

    picked, dsn = _filter(ids, consumer, topic, reason, key, older_than, newer_than), _dsn(directory)
    if picked.is_empty:
        raise typer.BadParameter("say which: --id, --reason, --key, --topic, --consumer, --older-than or --newer-than")
    found = asyncio.run(listing.list_set_aside(dsn, picked, None))
    _demand(ids, found)
    if dry_run or not yes:
        _show_plan("dropped", found, as_json=as_json)
        raise typer.Exit(0 if dry_run else 2)
    outcome = asyncio.run(decisions.drop(dsn, picked))
    late = f", {outcome.late} were put through or dropped meanwhile" if outcome.late else ""
    typer.echo(orjson.dumps(outcome) if as_json else f"{outcome.dropped} dropped{late}")
    raise typer.Exit(1 if outcome.late else 0)


@app.command()
def resume(
    consumer: Annotated[str, typer.Option(callback=as_text, help="Whose alarm, such as customer-sync.")],
    topic: Annotated[str | None, typer.Option(callback=as_text, help="Of one topic; of all without it.")] = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a consumer go on that stopped because it parked too much. It reads on within seconds, without a restart.

    Exits 1 where no such alarm is in force.
    """
    from paintbox.parked import decisions

    cleared = asyncio.run(decisions.resume(_dsn(directory), consumer, topic))
    if not cleared:
        raise OperatorError(f"No alarm of {consumer} is in force: `paintbox parked list` shows those that are.")
    if as_json:
        typer.echo(orjson.dumps({"resumed": cleared}))
    else:
        typer.echo("\n".join(f"{one.consumer} goes on with {one.topic}" for one in cleared))


def _dsn(directory: Path | None) -> str:
    (dsn,) = require(operator_environment(directory), "PAINTBOX_INTEGRATIONS_DSN")
    return dsn


def _filter(
    ids: list[str] | None,
    consumer: str | None,
    topic: str | None,
    reason: str | None,
    key: str | None,
    *ages: str | None,
    with_decided: bool = False,
) -> "Filter":
    """What the options ask for; `ages` are --older-than and --newer-than. BadParameter where nothing can be both."""
    from paintbox.parked.listing import Filter

    before, after = (
        None if age is None else _moment(age, option)
        for age, option in zip(ages, ("--older-than", "--newer-than"), strict=True)
    )
    if before is not None and after is not None and before <= after:
        raise typer.BadParameter("nothing is older than --older-than and newer than --newer-than at once")
    return Filter(
        ids=tuple(ids) if ids else None,
        consumer=consumer,
        topic=topic,
        reason=reason,
        keys=None if key is None else (key, _as_listed(key)),
        before=before,
        after=after,
        with_decided=with_decided,
    )


def _as_listed(key: str) -> str:
    """The key as `list` writes it, where it was given as the text that it is. BadParameter where it is none."""
    try:
        doubled = key.replace("\\", "\\\\").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("--key is not UTF-8: give the key as `paintbox parked list` shows it") from None
    return "".join(chr(one) if chr(one).isascii() else f"\\{one:03o}" for one in doubled)


def _demand(ids: list[str] | None, found: "Sequence[SetAside]") -> None:
    """Raises OperatorError where one that was named is not open: nothing is done by halves."""
    lacking = sorted(set(ids or ()) - {one.id for one in found})
    if lacking:
        raise OperatorError(f"not open: {', '.join(lacking)}. `paintbox parked list --all` shows what became of them.")


def _moment(age: str, option: str) -> datetime:
    from paintbox.parked.ages import moment_of

    try:
        return moment_of(age, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


async def _redrive(dsn: str, picked: "Filter", seconds: float) -> "Progress":
    """Ask for it, then watch until nothing waits or the time is over."""
    from paintbox.output import Bar
    from paintbox.parked import decisions

    asked = await decisions.ask_redrive(dsn, picked)
    with Bar("redriving", len(asked)) as bar:
        return await decisions.watch(
            dsn, asked, seconds, lambda progress: bar.reach(progress.done + progress.failed + progress.dropped)
        )


def _tell(progress: "Progress", *, as_json: bool) -> None:
    from paintbox.parked import text

    typer.echo(orjson.dumps(progress) if as_json else "\n".join(text.outcome(progress)))


def _show_plan(what: str, found: "Sequence[SetAside]", *, as_json: bool) -> None:
    """What would be done. Nothing has been."""
    from paintbox.parked import text

    if as_json:
        typer.echo(orjson.dumps({f"would_be_{what}": len(found), "parked": found}))
        return
    if found:
        typer.echo("\n".join(text.listed(found[:SHOWN])))
    if len(found) > SHOWN:
        typer.echo(f"and {len(found) - SHOWN} more")
    typer.echo(f"{len(found)} would be {what}; nothing has been done. {_missing(what, len(found))} it is.")


def _missing(what: str, many: int) -> str:
    return "Without --dry-run" if what == "redriven" and many <= MANY else "With --yes"
