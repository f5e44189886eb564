"""`paintbox parked redrive`, `drop` and `resume`: what becomes of what was set aside."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest

from paintbox.databases import Connection
from paintbox.parked.decisions import find_progress
from paintbox.parked.listing import Filter, find_set_aside
from support.notifications import KafkaRecord
from support.postgres import OpenSession
from support.rows import insert
from support.set_aside import paintbox, park, quarantine, states
from support.waiting import until
from synckit.errors import PoisonError
from synckit.parking import records

pytestmark = pytest.mark.database

WAITS_FOR_A_LOCK = """
    SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


async def test_a_redrive_only_marks_and_says_who_does_not_do_it(dsn: str, session: Connection) -> None:
    await park(session, 1)
    await park(session, 2, consumer="photo-sync")
    await quarantine(session)

    code, said = await paintbox(dsn, "redrive", "--wait", "0")

    assert code == 1
    assert await states(session) == ["asked"] * 3
    assert said.splitlines()[0] == "0 done, 0 failed again, 3 still waiting"
    assert all(
        f"1 wait for {name}, which has no session" in said for name in ("customer-sync", "photo-sync", "webhook-log")
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_redrive_that_is_ended_says_that_what_it_marked_goes_on(
    dsn: str, session: Connection, number: signal.Signals
) -> None:
    await park(session, 1)
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "paintbox", "parked", "redrive", "--wait", "60"),
        env=os.environ | {"PAINTBOX_INTEGRATIONS_DSN": dsn},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    await until(lambda: is_asked(session))

    command.send_signal(number)
    _, said = await asyncio.wait_for(command.communicate(), 20)

    assert command.returncode == 130
    assert b"interrupted: what is marked by now stays so" in said
    assert await states(session) == ["asked"]


async def is_asked(session: Connection) -> bool:
    return await states(session) == ["asked"]


async def test_a_redrive_reports_what_became_of_each(dsn: str, session: Connection) -> None:
    for offset in range(3):
        await park(session, offset)
    await park(session, 3, key=b"dropped")
    understood = await quarantine(session)
    await quarantine(session)
    dropped = await quarantine(session)
    asked = await find_set_aside(session, Filter())
    await paintbox(dsn, "redrive", "--wait", "0")

    await session.execute('UPDATE integrations.parked_records SET redriven_at = now() WHERE "offset" = 0')
    await session.execute(
        'UPDATE integrations.parked_records SET attempt = 2, redrive_asked_at = NULL WHERE "offset" = 1'
    )
    await session.execute("UPDATE integrations.webhook_events SET status = 'PROCESSED' WHERE id = $1", understood)
    await session.execute("DELETE FROM integrations.quarantine_decisions")
    await paintbox(dsn, "drop", "--id", str(dropped), "--yes")
    await paintbox(dsn, "drop", "--key", "dropped", "--yes")
    progress = await find_progress(session, asked)

    assert (progress.done, progress.failed, progress.dropped) == (2, 2, 2)
    assert progress.waiting == {"customer-sync": 1}


async def test_a_redrive_waits_for_the_outcome(dsn: str, session: Connection) -> None:
    await park(session, 1)

    running = asyncio.create_task(paintbox(dsn, "redrive", "--json"))
    while "asked" not in await states(session):  # noqa: ASYNC110 - the mark is in a database
        await asyncio.sleep(0.02)
    await session.execute("UPDATE integrations.parked_records SET redriven_at = now()")
    code, said = await running

    assert code == 0
    assert json.loads(said) == {"done": 1, "failed": 0, "dropped": 0, "waiting": {}, "absent": []}


async def test_a_consumer_that_runs_but_is_slow_is_not_called_absent(
    dsn: str, session: Connection, connect: OpenSession
) -> None:
    await park(session, 1)
    await connect(dsn, application_name="customer-sync")

    _, said = await paintbox(dsn, "redrive", "--wait", "0")

    assert "1 wait for customer-sync, which runs" in said


async def test_a_dry_run_changes_nothing(dsn: str, session: Connection) -> None:
    await park(session, 1)

    redriven = await paintbox(dsn, "redrive", "--dry-run")
    dropped = await paintbox(dsn, "drop", "--key", "003", "--dry-run")

    assert (redriven[0], dropped[0]) == (0, 0)
    assert "1 would be redriven; nothing has been done. Without --dry-run it is." in redriven[1]
    assert "With --yes it is." in dropped[1]
    assert await states(session) == ["open"]


async def test_what_was_put_through_while_a_drop_waited_for_it_is_not_called_dropped(
    dsn: str, session: Connection, connect: OpenSession
) -> None:
    await park(session, 1)
    await park(session, 2)
    understood, still = await quarantine(session), await quarantine(session)
    for one in (understood, still):
        await insert(
            session,
            "integrations.quarantine_decisions",
            event_id=one,
            received_at=datetime(2026, 1, 2, 9, tzinfo=UTC),
            redrive_asked_at=datetime.now(UTC),
        )

    async with (other := await connect(dsn)).transaction():
        await other.execute('UPDATE integrations.parked_records SET redriven_at = now() WHERE "offset" = 1')
        await other.execute("UPDATE integrations.webhook_events SET status = 'PROCESSED' WHERE id = $1", understood)
        await other.execute("DELETE FROM integrations.quarantine_decisions WHERE event_id = $1", understood)
        dropping = asyncio.create_task(paintbox(dsn, "drop", "--newer-than", "2026-01-01", "--yes"))
        await until(partial(session.fetchval, WAITS_FOR_A_LOCK))

    assert await dropping == (1, "2 dropped, 2 were put through or dropped meanwhile\n")
    assert await session.fetchval("SELECT array_agg(event_id) FROM integrations.quarantine_decisions") == [still]
    assert sorted(await states(session)) == ["dropped", "dropped", "redriven", "redriven"]


async def test_b101_dropping_demands_yes_and_a_filter(dsn: str, session: Connection) -> None:
    await park(session, 1)
    await park(session, 2, reason_code="null_value")

    without_yes = await paintbox(dsn, "drop", "--reason", "null_value")
    without_filter = await paintbox(dsn, "drop", "--yes")
    before = await states(session)
    done = await paintbox(dsn, "drop", "--reason", "null_value", "--yes")

    assert (without_yes[0], without_filter[0], done[0]) == (2, 2, 0)
    assert "1 would be dropped; nothing has been done" in without_yes[1]
    assert before == ["open", "open"]
    assert await states(session) == ["open", "dropped"]


async def test_what_was_dropped_is_kept_shown_with_all_and_never_redriven(dsn: str, session: Connection) -> None:
    await park(session, 1)
    event_id = await quarantine(session)
    await paintbox(dsn, "drop", "--newer-than", "2026-01-01", "--yes")

    await paintbox(dsn, "redrive", "--wait", "0")

    assert await states(session) == ["dropped", "dropped"]
    assert await find_set_aside(session, Filter()) == []
    assert await session.fetchval("SELECT count(*) FROM integrations.parked_records") == 1
    assert await session.fetchval("SELECT status FROM integrations.webhook_events WHERE id = $1", event_id) == "FAILED"
    assert "dropped" in (await paintbox(dsn, "list", "--all"))[1]


async def test_many_are_redriven_with_yes_only(dsn: str, session: Connection) -> None:
    await session.execute(
        """
        INSERT INTO integrations.parked_records (consumer, topic, partition, "offset", reason_code, reason)
        SELECT 'customer-sync', 't', 0, number, 'x', 'y' FROM generate_series(1, 1001) AS number
        """
    )

    refused = await paintbox(dsn, "redrive", "--wait", "0")
    before = set(await states(session))
    await paintbox(dsn, "redrive", "--wait", "0", "--yes")

    assert refused[0] == 2
    assert "1001 would be redriven" in refused[1]
    assert (before, set(await states(session))) == ({"open"}, {"asked"})


async def test_an_id_that_is_not_open_stops_the_whole_command(dsn: str, session: Connection) -> None:
    await park(session, 1)
    (known,) = await find_set_aside(session, Filter())

    code, said = await paintbox(dsn, "redrive", "--id", known.id, "--id", "4711", "--wait", "0")

    assert (code, "not open: 4711" in said) == (1, True)
    assert await states(session) == ["open"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--older-than", "yesterday"),
        ("list", "--older-than", "2h", "--newer-than", "1h"),
        ("list", "--limit", "-5"),
        ("redrive", "--wait", "-1"),
        ("show",),
        ("resume",),
        ("forget",),
    ],
)
async def test_b100_what_is_no_command_exits_2_and_does_nothing(dsn: str, arguments: tuple[str, ...]) -> None:
    assert (await paintbox(dsn, *arguments))[0] == 2


async def alarm(session: Connection, **changes: Any) -> None:
    values: dict[str, Any] = {"consumer": "customer-sync", "topic": "t", "records": 200, "parked": 150}
    await insert(session, "integrations.consumer_alarms", **values | changes)


async def test_an_alarm_is_shown_with_what_ends_it_and_resume_clears_it(dsn: str, session: Connection) -> None:
    await alarm(session)
    await alarm(session, topic="other")
    await alarm(session, consumer="photo-sync")
    await alarm(session, topic="old", cleared_at=datetime.now(UTC) - timedelta(hours=1))

    _, shown = await paintbox(dsn, "list")
    one = await paintbox(dsn, "resume", "--consumer", "customer-sync", "--topic", "t")
    rest = await paintbox(dsn, "resume", "--consumer", "customer-sync", "--json")
    again = await paintbox(dsn, "resume", "--consumer", "customer-sync")

    left = await session.fetch("SELECT consumer FROM integrations.consumer_alarms WHERE cleared_at IS NULL")
    assert shown.count("paintbox parked resume --consumer") == 3
    assert one == (0, "customer-sync goes on with t\n")
    assert [found["topic"] for found in json.loads(rest[1])["resumed"]] == ["other"]
    assert again[0] == 1
    assert [row["consumer"] for row in left] == ["photo-sync"]


async def test_what_is_redriven_is_judged_as_of_when_it_came(session: Connection) -> None:
    """Its topic's clock then, not that of the redrive: what claimed to be of the future is of the past by now."""
    came = 1_767_342_000_000
    times = (came, 0, 10**18)  # kept, of a client without a clock, and of none that there is
    for offset, timestamp in enumerate(times):
        record = KafkaRecord(value=b"{}", offset=offset, timestamp=timestamp)
        await records.park(session, "customer-sync", [(record, PoisonError("code", "reason"))])
    await session.execute("UPDATE integrations.parked_records SET redrive_asked_at = now()")

    asked = await records.list_asked(session, "customer-sync", [record.topic], 10, 1_000)

    assert [one.timestamp for one in asked] == [came, 0, 0]


BEFORE: Final = KafkaRecord(value=None, key=b"a", headers=[("ce_id", b"1")], timestamp=1_700_000_000_000)


@pytest.mark.parametrize(
    "changes",
    [{"key": b"b"}, {"headers": [("ce_id", b"2")]}, {"timestamp": 1_700_000_000_001}, {"value": b""}],
    ids=lambda changes: next(iter(changes)),
)
async def test_f41_what_comes_in_the_place_of_a_parked_record_is_parked_beside_it(
    session: Connection, changes: dict[str, Any]
) -> None:
    """A topic that was made anew counts from 0 again, and all erasures have one value."""
    error = PoisonError("malformed_key", "no row could have it")
    await records.park(session, "photo-sync", [(BEFORE, error)])
    await session.execute("UPDATE integrations.parked_records SET dropped_at = now()")

    for _ in range(2):  # read again, it changes nothing
        await records.park(session, "photo-sync", [(replace(BEFORE, **changes), error)])

    found = await session.fetch("SELECT attempt, dropped_at IS NULL AS is_open FROM integrations.parked_records")
    assert sorted(map(tuple, found)) == [(1, False), (1, True)]


@pytest.mark.parametrize("came_at", [BEFORE.timestamp, BEFORE.timestamp + 1])
async def test_what_an_earlier_release_has_parked_and_dropped_is_not_parked_anew(
    session: Connection, came_at: int
) -> None:
    """It told records at one place from one another by their values alone."""
    error = PoisonError("malformed_key", "no row could have it")
    await records.park(session, "photo-sync", [(BEFORE, error)])
    await session.execute(
        "UPDATE integrations.parked_records SET dropped_at = now(), value_sha256 = encode(sha256(''), 'hex')"
    )

    await records.park(session, "photo-sync", [(replace(BEFORE, timestamp=came_at), error)])

    is_another = came_at != BEFORE.timestamp
    assert await session.fetchval("SELECT count(*) FROM integrations.parked_records") == 1 + is_another
