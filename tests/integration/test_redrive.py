"""Parked records put through again by the consumer that owns them: applied once, or parked again in the same row."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from customer_sync.handlers.webhooks import on_salesforce_webhooks
from customer_sync.rules import projection
from paintbox.databases import Database
from paintbox.parked.decisions import ask_redrive, watch
from paintbox.parked.listing import Filter
from paintbox.parked.progress import Progress
from support import samples
from support.notifications import KafkaRecord, salesforce_event_records, salesforce_messages
from support.postgres import NewDatabase
from support.samples import DOUGLAS
from support.services import CustomerSync, all_rows, customer_sync_on, numbered, one_row
from support.waiting import until
from synckit import failpoints
from synckit.consumer import Alarms, Batch, Consumer
from synckit.contracts.topics import WEBHOOKS_SALESFORCE
from synckit.errors import PoisonError, TransientError
from synckit.mirror.facts import Record
from synckit.parking import Redrive

pytestmark = pytest.mark.database

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
MESSAGE = samples.body("outbound_message_contacts.xml")
NAME = "customer-sync"


@dataclass
class Release:
    """customer_sync's handler with a mistake in it: it refuses some records, until a release mends it."""

    sync: CustomerSync
    refused: Callable[[KafkaRecord], Exception | None] = field(default=lambda _: None)
    applied: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        consumer = Consumer(WEBHOOKS_SALESFORCE, self.apply, Alarms(self.sync.resources.integrations, NAME))
        self.redrive = Redrive(self.sync.resources.integrations, NAME, consumer)

    async def apply(self, batch: Batch) -> None:
        self.applied.append(len(batch.records))
        batch.decode(self._read)
        await on_salesforce_webhooks(batch, self.sync.resources)

    def _read(self, record: Any) -> None:
        error = self.refused(record)
        if error is not None:
            raise error

    async def consume(self, *records: KafkaRecord) -> None:
        await self.apply(Batch(numbered(records)))

    async def ask(self) -> None:
        async with self.sync.resources.integrations.acquire() as connection:
            await connection.execute(
                "UPDATE integrations.parked_records SET redrive_asked_at = now() "
                "WHERE redriven_at IS NULL AND dropped_at IS NULL"
            )

    async def parked(self) -> list[dict[str, Any]]:
        return await all_rows(
            self.sync.resources.integrations, 'SELECT * FROM integrations.parked_records ORDER BY "offset"'
        )


def all_of_them(_: KafkaRecord) -> PoisonError:
    return PoisonError("malformed_value", "a mistake of ours")


@pytest.fixture
async def release(new_database: NewDatabase, dsn: str) -> AsyncIterator[Release]:
    async with customer_sync_on(await new_database(Database.CUSTOMERS), dsn) as sync:
        yield Release(sync, all_of_them)


async def statuses(release: Release) -> list[tuple[str, str | None, str, str | None]]:
    rows = await all_rows(
        release.sync.resources.integrations,
        """
        SELECT event.status, event.error_message, log.status AS log_status, log.error_code
          FROM integrations.webhook_events AS event
          JOIN integrations.sync_logs AS log ON log.id = event.id
         ORDER BY event.id
        """,
    )
    return [(row["status"], row["error_message"], row["log_status"], row["error_code"]) for row in rows]


async def names(release: Release) -> list[str]:
    rows = await all_rows(
        release.sync.resources.customers, "SELECT last_name FROM customers.customers ORDER BY last_name"
    )
    return [row["last_name"] for row in rows]


async def test_a_turn_leaves_neither_a_lock_nor_a_setting_on_a_session_of_the_pool(release: Release) -> None:
    """The pool ends open transactions alone."""
    pool = release.sync.resources.integrations
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()

    done = await release.redrive.once()

    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(pool.acquire()) for _ in range(pool.get_max_size())]
        left = {await session.fetchval("SHOW idle_session_timeout") for session in sessions}
        locks = await sessions[0].fetchval(
            """
            SELECT count(*)
              FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
             WHERE locktype = 'advisory' AND datname = current_database()
            """
        )
    assert (done > 0, left, locks) == (True, {"0"}, 0)


async def test_what_a_mended_release_understands_is_applied_and_its_event_processed(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    before = await statuses(release)
    release.refused = lambda _: None
    await release.ask()

    done = await release.redrive.once()

    rows = await release.parked()
    assert {one[0] for one in before} == {"FAILED"}
    assert done == 2
    assert all(row["redriven_at"] and row["attempt"] == 1 for row in rows)
    assert await statuses(release) == [("PROCESSED", None, "COMPLETED", None)] * 2
    assert len(await names(release)) == 2
    assert await release.redrive.once() == 0


async def test_f28_what_fails_when_it_is_read_once_more_after_its_redrive_is_open_again(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()
    await release.redrive.once()
    release.refused = all_of_them

    await release.consume(*salesforce_messages(MESSAGE))  # as after the offsets were set back

    rows = [(row["redriven_at"], row["redrive_asked_at"], row["attempt"]) for row in await release.parked()]
    assert rows == [(None, None, 2)] * 2


async def test_f28_what_was_parked_before_a_backup_and_redriven_since_is_there_once_all_is_read_again(
    release: Release, new_database: NewDatabase, dsn: str
) -> None:
    await release.consume(*salesforce_messages(MESSAGE))  # its offsets are committed, and then the backup is made
    backup = await new_database(Database.CUSTOMERS)
    release.refused = lambda _: None
    await release.ask()
    await release.redrive.once()
    parked = await release.parked()
    async with customer_sync_on(backup, dsn) as sync:
        restored = Release(sync)
        await restored.ask()
        waiting = await restored.redrive.once()

        await restored.consume(*salesforce_messages(MESSAGE))

        assert waiting == 0
        assert len(await names(restored)) == 2
        assert await restored.parked() == parked


async def test_f28_what_was_redriven_since_a_backup_and_is_in_no_topic_any_more_is_put_through_once_more(
    release: Release, new_database: NewDatabase, dsn: str
) -> None:
    (query,) = re.findall(r'-c "(UPDATE integrations.parked_records SET redriven_at = NULL.*?)"', RUNBOOK.read_text())
    backup = await new_database(Database.CUSTOMERS)
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()
    await release.redrive.once()
    async with customer_sync_on(backup, dsn) as sync:
        restored = Release(sync)
        await sync.resources.integrations.execute(query.replace("2026-11-28T21:00:00Z", "yesterday"))

        await restored.redrive.once()

        assert len(await names(restored)) == 2
        assert all(row["redriven_at"] for row in await restored.parked())


async def test_what_was_dropped_stays_dropped_when_it_is_read_once_more(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    async with release.sync.resources.integrations.acquire() as connection:
        await connection.execute("UPDATE integrations.parked_records SET dropped_at = now()")

    await release.consume(*salesforce_messages(MESSAGE))

    assert [(row["dropped_at"] is None, row["attempt"]) for row in await release.parked()] == [(False, 1)] * 2


async def test_only_what_was_asked_for_is_put_through_again(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None

    assert await release.redrive.once() == 0
    assert await names(release) == []


async def test_what_was_dropped_is_not_put_through_again(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()
    async with release.sync.resources.integrations.acquire() as connection:
        await connection.execute("UPDATE integrations.parked_records SET dropped_at = now()")

    assert await release.redrive.once() == 0
    assert await names(release) == []


async def test_a_row_that_an_earlier_release_parked_fails_once_for_each_time_that_it_is_asked_for(
    release: Release,
) -> None:
    await release.consume(*salesforce_messages(MESSAGE)[:1])
    await release.ask()
    async with release.sync.resources.integrations.acquire() as connection:
        await connection.execute("UPDATE integrations.parked_records SET value_sha256 = 'of another release'")

    await release.redrive.once()
    again = await release.redrive.once()

    (row,) = await release.parked()
    assert again == 0
    assert (row["attempt"], row["redrive_asked_at"], row["redriven_at"]) == (2, None, None)


async def test_b82_what_fails_again_is_one_attempt_more_in_the_same_row_and_waits_to_be_asked_for(
    release: Release,
) -> None:
    await release.consume(*salesforce_messages(MESSAGE)[:1])
    release.refused = lambda _: PoisonError("key_mismatch", "another mistake")
    await release.ask()

    await release.redrive.once()
    again = await release.redrive.once()

    (row,) = await release.parked()
    assert again == 0
    assert (row["attempt"], row["reason_code"], row["reason"]) == (2, "key_mismatch", "another mistake")
    assert (row["redrive_asked_at"], row["redriven_at"]) == (None, None)
    assert await statuses(release) == [
        ("FAILED", "parked: key_mismatch: another mistake", "FAILED", "key_mismatch"),
    ]


async def test_one_that_fails_again_holds_no_other_up(release: Release) -> None:
    good, bad = salesforce_messages(MESSAGE)
    await release.consume(good, bad)
    release.refused = lambda record: all_of_them(record) if record.key == bad.key else None
    await release.ask()

    await release.redrive.once()

    rows = await release.parked()
    assert [(row["attempt"], row["redriven_at"] is not None) for row in rows] == [(1, True), (2, False)]
    assert len(await names(release)) == 1


@pytest.mark.parametrize("bad_at", [0, 1], ids=["first", "last"])
async def test_one_that_meets_a_bug_is_named_and_holds_no_other_up(
    release: Release, caplog: pytest.LogCaptureFixture, bad_at: int
) -> None:
    records = salesforce_messages(MESSAGE)
    await release.consume(*records)
    release.refused = lambda record: KeyError("canary") if record.key == records[bad_at].key else None
    await release.ask()

    await release.redrive.once()

    rows = await release.parked()
    failed = rows[bad_at]
    assert [(row["attempt"], row["redriven_at"] is not None) for row in rows] == [
        (2, False) if at == bad_at else (1, True) for at in range(len(records))
    ]
    assert (failed["reason_code"], failed["reason"]) == ("bug", "stopped by a bug: KeyError")
    assert len(await names(release)) == len(records) - 1
    (said,) = (record for record in caplog.records if record.message == "A redriven record met a bug")
    assert said.__dict__["parked_id"] == failed["id"]
    assert not await release.redrive.once()


async def test_one_whose_row_meets_a_bug_is_merged_said_loudly_and_holds_up_neither_others_nor_the_consumer(
    release: Release, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = salesforce_messages(MESSAGE)
    await release.consume(*records)
    release.refused = lambda _: None
    await release.ask()
    made, fan_outs = projection.customer_from, release.sync.resources.projector.fan_outs

    async def is_done() -> bool:
        await fan_outs.go_through()
        return not fan_outs

    def falls_over(record: Record, *others: Any) -> Any:
        if record.id == DOUGLAS:
            raise KeyError("canary")
        return made(record, *others)

    monkeypatch.setattr("customer_sync.handlers.projection.customer_from", falls_over)
    await release.redrive.once()
    of_others = await names(release)
    await release.consume(*records)  # the consumer goes on
    shown = await fan_outs.check()
    monkeypatch.setattr("customer_sync.handlers.projection.customer_from", made)
    await until(is_done)

    assert shown == "meets a bug: KeyError"
    assert len(of_others) == len(records) - 1
    assert len(await names(release)) == len(records)
    assert "A note met a bug" in caplog.messages
    assert "A redriven record met a bug" not in caplog.messages


async def test_of_two_records_that_stood_at_one_place_each_has_its_own_outcome(release: Release) -> None:
    """A topic that was made anew has every place once more."""
    good, bad = salesforce_messages(MESSAGE)
    await release.consume(good)
    await release.consume(bad)
    release.refused = lambda record: all_of_them(record) if record.key == bad.key else None
    await release.ask()

    await release.redrive.once()

    rows = sorted(await release.parked(), key=lambda row: row["attempt"])
    assert [(row["topic"], row["partition"], row["offset"]) for row in rows] == [(WEBHOOKS_SALESFORCE.name, 0, 0)] * 2
    assert [(row["attempt"], row["redriven_at"] is not None) for row in rows] == [(1, True), (2, False)]


async def test_f76_a_record_that_is_redriven_after_a_newer_fact_changes_nothing(release: Release) -> None:
    older, newer = (record for second in (0, 9) for record in salesforce_event_records(renamed(second)))
    await release.consume(older)
    release.refused = lambda _: None
    await release.consume(newer)
    before = await all_rows(release.sync.resources.customers, "SELECT * FROM customers.customers")
    await release.ask()

    await release.redrive.once()

    assert [row["last_name"] for row in before] == ["Name at 9"]
    assert await all_rows(release.sync.resources.customers, "SELECT * FROM customers.customers") == before
    assert all(row["redriven_at"] for row in await release.parked())


def renamed(second: int) -> bytes:
    document = samples.document("change_event_contact_update.json")
    header = document["ChangeEventHeader"]
    header |= {"commitTimestamp": 1_767_348_000_000 + second * 1000, "recordIds": [DOUGLAS]}
    header["transactionKey"] = f"transaction-{second}"
    return samples.dumped({"ChangeEventHeader": header, "LastName": f"Name at {second}"})


async def test_f76_a_record_that_is_redriven_twice_changes_nothing_the_second_time(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()
    await release.redrive.once()
    await release.sync.published()
    async with release.sync.resources.integrations.acquire() as connection:
        await connection.execute("UPDATE integrations.parked_records SET redriven_at = NULL")

    await release.redrive.once()

    assert await release.sync.published() == []
    assert len(await names(release)) == 2
    assert len(await all_rows(release.sync.resources.customers, "SELECT 1 FROM customers.customer_sync_logs")) == 2


@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
async def test_a_crash_between_applying_and_marking_only_repeats_it(release: Release, step: str) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    release.refused = lambda _: None
    await release.ask()

    failpoints.arm([f"redrive.mark:{step}=fail"])
    try:
        with pytest.raises(TransientError):
            await release.redrive.once()
    finally:
        failpoints.arm([])
    await release.redrive.once()

    assert all(row["redriven_at"] and row["attempt"] == 1 for row in await release.parked())
    assert len(await names(release)) == 2


async def test_copies_take_turns(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Release):
        async def apply(self, batch: Batch) -> None:
            begun.set()
            await go_on.wait()
            await super().apply(batch)

    slow, other = Slow(release.sync), Release(release.sync)
    await release.ask()
    first = asyncio.create_task(slow.redrive.once())
    await begun.wait()
    meanwhile = await other.redrive.once()
    go_on.set()

    assert await first == 2
    assert meanwhile == 0
    assert other.applied == []
    assert await other.redrive.once() == 0


class AskedAgain(Release):
    """Whose first redrive an operator asks for once more while it is under way."""

    dsn = ""
    told: Progress | None = None

    async def apply(self, batch: Batch) -> None:
        if not self.applied:
            asked = await ask_redrive(self.dsn, Filter())
            self.told = await watch(self.dsn, asked, 0, lambda _: None)
        await super().apply(batch)


@pytest.mark.parametrize("fails", [False, True], ids=["applied", "refused"])
async def test_one_that_is_asked_for_again_while_it_is_redriven_is_put_through_again(
    release: Release, dsn: str, fails: bool
) -> None:
    await release.consume(*salesforce_messages(MESSAGE))
    mended = AskedAgain(release.sync)
    mended.dsn = dsn
    mended.refused = all_of_them if fails else lambda _: None
    asked = await ask_redrive(dsn, Filter())

    first = await mended.redrive.once()
    between = await watch(dsn, asked, 0, lambda _: None)
    mended.refused = lambda _: None
    second = await mended.redrive.once()
    after = await watch(dsn, asked, 0, lambda _: None)

    assert (first, second, await mended.redrive.once()) == (2, 2, 0)
    assert mended.told is not None
    assert [one.waiting for one in (mended.told, between)] == [{NAME: 2}] * 2
    assert (after.done, after.waiting) == (2, {})


async def test_what_is_away_is_waited_for(release: Release) -> None:
    await release.consume(*salesforce_messages(MESSAGE))

    class Away(Release):
        async def apply(self, batch: Batch) -> None:
            self.applied.append(0)
            if len(self.applied) < 3:
                raise TransientError("away")
            await super().apply(batch)

    mended = Away(release.sync)
    await release.ask()

    await mended.redrive.once()

    assert all(row["redriven_at"] for row in await release.parked())


async def test_records_of_one_topic_go_together_and_no_more_than_fit(release: Release) -> None:
    record = salesforce_messages(MESSAGE)[0]
    await release.consume(*(replace(record, value=b"%d" % number) for number in range(250)))
    release.refused = lambda _: None
    await release.ask()

    slices = [await release.redrive.once() for _ in range(3)]

    assert slices == [200, 50, 0]
    assert (await one_row(release.sync.resources.integrations, "SELECT max(attempt) FROM integrations.parked_records"))[
        "max"
    ] == 2
