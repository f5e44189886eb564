"""Notes are worked off side by side: each once, and whoever asked for it knows that it is done."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from customer_sync.store import MIRROR
from paintbox.databases import Database
from support.facts import NOON_MS
from support.postgres import NewDatabase
from support.waiting import until, until_true
from synckit import backoff, postgres
from synckit.consumer.lease import Lease
from synckit.errors import PoisonError, TransientError
from synckit.mirror import fan_outs, notes, refusals, refused
from synckit.mirror.facts import Cause
from synckit.mirror.notes import Note
from synckit.mirror.projector import Projector
from synckit.mirror.steps import Project, Projected, Step
from synckit.postgres import Connection, Pool

pytestmark = pytest.mark.database

CAUSE = Cause(event_id=UUID(int=1), correlation_id=UUID(int=2), traceparent="", received_at=NOON_MS)


@pytest.fixture
async def pool(new_database: NewDatabase) -> AsyncIterator[Pool]:
    async with postgres.create_pool(await new_database(Database.CUSTOMERS), process="test") as pool:
        yield pool


async def a_note(pool: Pool, *records: str) -> list[Note]:
    async with pool.acquire() as connection:
        return await notes.insert(connection, MIRROR, {"Contact": dict.fromkeys(records, CAUSE)})


async def left(pool: Pool) -> int:
    async with pool.acquire() as connection:
        many: int = await connection.fetchval("SELECT count(*) FROM customers.projection_todo")
        return many


async def is_spread(projector: Projector) -> bool:
    """Whether nothing is left beside the batches, after another turn of each that is due."""
    await projector.fan_outs.go_through()
    await projector.fan_outs.follow()
    return len(projector.fan_outs) == 0


async def until_true_of(projector: Projector, is_so: Callable[[], bool]) -> None:
    """Until it is so, whoever is due is done meanwhile."""

    async def is_so_now() -> bool:
        await projector.fan_outs.go_through()
        await projector.fan_outs.follow()
        return is_so()

    await until(is_so_now)


def projecting(pool: Pool, project: Project) -> Projector:
    async def affected(_: Connection, note: Note, after: str) -> Sequence[str]:
        return notes.next_slice(note.ids, after)

    return Projector(pool, MIRROR, {"Contact": Step(affected, project, "Contact")}, lambda: None)


async def test_two_at_work_do_each_note_once_and_side_by_side(pool: Pool) -> None:
    done: list[str] = []
    both = asyncio.Barrier(2)

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        async with asyncio.timeout(5):
            await both.wait()
        done.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    for record in ("a", "b"):
        projector.remember(await a_note(pool, record))

    await asyncio.gather(projector.work(), projector.work())

    assert sorted(done) == ["a", "b"]
    assert await left(pool) == 0


async def test_what_another_does_is_waited_for_and_done_where_that_one_fails(pool: Pool) -> None:
    tries: list[str] = []
    waited_for = asyncio.Event()

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        tries.extend(keys)
        if len(tries) == 1:
            await waited_for.wait()
            raise TransientError("it was away")
        return Projected()

    projector, batch = projecting(pool, project), Lease()
    projector.remember(await a_note(pool, "a"), batch)
    first, second = asyncio.create_task(projector.work(batch)), asyncio.create_task(projector.work(batch))
    await until_true(lambda: tries == ["a"])  # the second found it taken before the first was asked for
    waited_for.set()

    with pytest.raises(TransientError):
        await first
    await second

    assert tries == ["a", "a"]
    assert await left(pool) == 0


async def test_a_key_that_meets_a_bug_holds_no_other_up_and_is_shown_until_it_is_done(
    pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[str] = []
    is_mended = False

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "c" in keys and not is_mended:
            raise KeyError("canary")
        done.extend(keys)
        return Projected()

    projector, batch = projecting(pool, project), Lease()
    projector.remember(await a_note(pool, *"abcde"), batch)
    projector.remember(await a_note(pool, "z"), batch)

    with pytest.raises(KeyError):
        await projector.work(batch)
    of_others = sorted(done)
    await projector.work()  # of whoever comes next: it does not meet it
    await projector.sweep_once(seconds=-1)  # nor does the sweep
    shown = await projector.fan_outs.check()
    was_left, is_mended = await left(pool), True
    await until(partial(is_spread, projector))

    assert of_others == list("abdez")
    assert (was_left, shown) == (1, "meets a bug: KeyError")
    assert "c" in done
    assert await left(pool) == 0
    assert await projector.fan_outs.check() is None
    said = [record.__dict__["event_ids"] for record in caplog.records if record.message == "A note met a bug"]
    assert said == [[str(CAUSE.event_id)] * 5]
    named = {record.__dict__["id"] for record in caplog.records if record.message == "A row met a bug"}
    assert named == {"c"}


async def test_a_bug_is_raised_to_those_whose_note_it_is_whoever_does_it(pool: Pool) -> None:
    mine, others = Lease(), Lease()

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "bad" in keys:
            raise KeyError("canary")
        return Projected()

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, "bad"), others)
    projector.remember(await a_note(pool, "good"), mine)

    await projector.work(mine)
    with pytest.raises(KeyError):
        await projector.work(others)
    await projector.work(others)

    assert await left(pool) == 1


@pytest.mark.parametrize("of_whom", ["nobody", "a batch that is no more"])
async def test_nobodys_note_that_fails_holds_no_batch_up_and_is_shown_until_it_is_done(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, of_whom: str
) -> None:
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    tried: list[str] = []
    is_away = True

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        tried.extend(keys)
        if is_away and "locked" in keys:
            raise TransientError("it was away")
        return Projected()

    projector, batch = projecting(pool, project), Lease()
    projector.remember(await a_note(pool, "locked"), None if of_whom == "nobody" else Lease())
    for _ in range(2):
        projector.remember(await a_note(pool, "free"), batch)
        await projector.work(batch)
    meanwhile, shown, is_away = list(tried), await projector.fan_outs.check(), False
    await until(partial(is_spread, projector))

    assert meanwhile == ["free", "locked", "free"], "behind the batch's own, and once"
    assert shown == "waits: TransientError"
    assert (await left(pool), await projector.fan_outs.check()) == (0, None)


async def test_what_a_batch_waits_for_is_its_own_though_a_sweep_came_over_it(pool: Pool) -> None:
    is_away = True

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if is_away and "locked" in keys:
            raise TransientError("it was away")
        return Projected()

    projector, batch = projecting(pool, project), Lease()
    projector.remember(await a_note(pool, "locked"), batch)
    with pytest.raises(TransientError):
        await projector.work(batch)
    await a_note(pool, "left behind")
    await projector.sweep_once(seconds=-1)
    was_left = await left(pool)
    with pytest.raises(TransientError):
        await projector.work(batch)
    is_away = False
    await projector.work(batch)

    assert (was_left, await left(pool)) == (1, 0)
    assert len(projector.fan_outs) == 0


async def test_what_stands_behind_a_key_that_meets_a_bug_is_projected_though_the_database_was_away_meanwhile(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 2)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[str] = []
    away = [TransientError("it was away")]

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "a" in keys:
            raise KeyError("canary")
        if "e" in keys and away:
            raise away.pop()
        done.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, *"abcdef"))

    await projector.work()
    await until_true_of(projector, lambda: set(done) == set("bcdef"))

    assert await projector.fan_outs.check() is not None
    assert await left(pool) == 1, "the key that meets it is not projected yet"


async def test_what_a_note_affects_beyond_a_slice_is_done_beside_the_batches_and_holds_none_up(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 2)
    monkeypatch.setattr(fan_outs, "SLICE", 1)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[Sequence[str]] = []
    away, may_go_on = [TransientError("it was away")], asyncio.Event()

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "d" in keys:
            await may_go_on.wait()
            if away:
                raise away.pop()
        done.append(keys)
        return Projected()

    projector = projecting(pool, project)
    batch = Lease()
    projector.remember(await a_note(pool, *"abcde"), batch)
    await projector.work(batch)
    spreading = asyncio.create_task(projector.fan_outs.run())
    await until_true(lambda: len(done) == 2)
    async with asyncio.timeout(5):
        await projector.sweep_once(seconds=-1)
        projector.remember(await a_note(pool, "x"), batch)
        await projector.work(batch)
    meanwhile = await left(pool)
    may_go_on.set()
    await until_true(lambda: not projector.fan_outs)
    spreading.cancel()

    assert done == [["a", "b"], ["c"], ["x"], ["d"], ["e"]]
    assert meanwhile == 1, "the note stays until all of it is done"
    assert await left(pool) == 0


async def test_of_several_that_are_done_beside_the_batches_one_that_waits_holds_no_other_up_and_is_shown(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(notes, "SLICE", 1)
    monkeypatch.setattr(fan_outs, "SLICE", 1)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(backoff, "LONGEST_DELAY", 0.01)
    done: list[str] = []
    is_away = True

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "b" in keys and is_away:
            raise TransientError("it was away")
        done.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    projector.remember([*await a_note(pool, *"abc"), *await a_note(pool, *"klmn")])
    await projector.work()
    await until_true_of(projector, lambda: len(projector.fan_outs) == 1)
    await asyncio.sleep(0.05)
    await projector.fan_outs.go_through()
    waited = REGISTRY.get_sample_value("paintbox_projection_fan_out_waiting_seconds")
    shown, meanwhile, is_away = await projector.fan_outs.check(), list(done), False
    await until(partial(is_spread, projector))

    assert meanwhile == ["a", "k", "l", "m", "n"]
    assert shown == "waits: TransientError"
    assert waited is not None
    assert waited > 0.05
    assert (done[5:], await left(pool), await projector.fan_outs.check()) == (["b", "c"], 0, None)
    assert caplog.messages.count("What a change affects has to wait") == 1
    assert caplog.messages.count("What a change affects is done again") == 1


async def test_a_bug_beyond_the_first_slice_is_shown_and_tried_again_until_it_is_mended(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 2)
    monkeypatch.setattr(fan_outs, "SLICE", 1)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[str] = []
    tried: list[Sequence[str]] = []
    bugs = [KeyError("canary")]

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        tried.append(keys)
        if "c" in keys and bugs:
            raise bugs[0]
        if "e" in keys and not away.pop():
            raise TransientError("it was away")
        done.extend(keys)
        return Projected()

    away = [True, False]
    projector = projecting(pool, project)
    projector.remember(await a_note(pool, *"abcdef"), whose=Lease())
    await projector.work()
    for _ in range(3):
        await projector.fan_outs.go_through()
    in_between = await projector.fan_outs.check()
    await until_true_of(projector, lambda: tried.count(["c"]) == 4)
    shown, at_last = await projector.fan_outs.check(), set(done)
    bugs.clear()
    await until(partial(is_spread, projector))

    assert (in_between, shown) == ("meets a bug: KeyError", "meets a bug: KeyError")
    assert at_last == set("abdef")
    assert sorted(done) == list("abcdef"), "of the note nothing is done again but what met the bug"
    assert (await left(pool), await projector.fan_outs.check()) == (0, None)


async def test_what_another_copy_has_done_is_not_shown_any_more(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)

    async def project(_: Connection, __: Note, ___: Sequence[str]) -> Projected:
        raise KeyError("canary")

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, "a"), whose=Lease())
    await projector.work()
    shown = await projector.fan_outs.check()
    async with pool.acquire() as connection:
        await connection.execute("DELETE FROM customers.projection_todo")
    await until(partial(is_spread, projector))

    assert (shown, await projector.fan_outs.check()) == ("meets a bug: KeyError", None)


async def test_what_follows_from_what_is_done_beside_the_batches_is_done_too_though_it_has_to_wait(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 1)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[str] = []
    following, away = await a_note(pool, "x"), [TransientError("it was away")]

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "x" in keys and away:
            raise away.pop()
        done.extend(keys)
        return Projected(notes=following if "b" in keys else ())

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, *"ab"))
    await projector.work()
    await projector.fan_outs.go_through()
    await projector.fan_outs.follow()
    shown = await projector.fan_outs.check()
    await until_true_of(projector, lambda: done == ["a", "b", "x"] and not projector.fan_outs)

    assert shown == "waits: TransientError"
    assert (await left(pool), await projector.fan_outs.check()) == (0, None)


async def test_a_note_that_is_not_stored_is_done_to_its_end_and_never_beside_the_batches(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 2)
    done: list[str] = []

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        done.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    projector.remember([Note(-1, "Contact", tuple("abcde"), {})])
    await projector.work()

    assert (done, len(projector.fan_outs)) == (list("abcde"), 0)


async def test_beside_a_key_that_is_refused_and_one_that_meets_a_bug_the_others_are_projected(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "p" in keys:
            raise PoisonError("refused", "whatever it is")
        if "q" in keys:
            raise KeyError("canary")
        done.extend(keys)
        return Projected()

    async def refuse(*_: object) -> None:
        done.append("refused")

    projector = projecting(pool, project)
    monkeypatch.setattr(projector._refusals, "refuse", refuse)
    batch = Lease()
    projector.remember(await a_note(pool, *"apqrs"), batch)

    with pytest.raises(KeyError):
        await projector.work(batch)

    assert sorted(set(done)) == ["a", "r", "refused", "s"]


async def test_a_refused_key_that_meets_a_bug_waits_like_the_others_and_holds_none_up(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[str] = []
    is_known = False

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if not is_known:
            raise PoisonError("refused", "whatever it is")
        if "b" in keys:
            raise KeyError("canary")
        written.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, *"abc"))
    await projector.work()
    is_known = True
    await projector.try_refused_once()

    async with pool.acquire() as connection:
        assert await refused.count(connection, MIRROR) == {"Contact": 1}
    assert sorted(written) == ["a", "c"]
    assert "A refused row met a bug" in caplog.messages


async def test_what_follows_from_a_note_is_done_before_its_work_ends(pool: Pool) -> None:
    done: list[str] = []
    following = await a_note(pool, "b")

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        done.extend(keys)
        return Projected(notes=following if keys == ["a"] else ())

    projector = projecting(pool, project)
    projector.remember(await a_note(pool, "a"))

    await projector.work()

    assert done == ["a", "b"]
    assert await left(pool) == 0


async def test_a_batch_ends_though_what_is_done_beside_it_makes_notes_as_fast_as_they_are_done(pool: Pool) -> None:
    done: list[str] = []

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        done.extend(keys)
        if len(done) < 50:  # meanwhile a slice beside has made one more, which is nobody's
            projector.remember(await a_note(pool, f"beside {len(done)}"))
        return Projected()

    projector, batch = projecting(pool, project), Lease()
    projector.remember(await a_note(pool, "beside"))
    projector.remember(await a_note(pool, "own"), batch)

    await projector.work(batch)

    assert done == ["own", "beside"]


async def test_who_waits_for_locks_beside_the_batches_holds_no_other_up(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "SLICE", 1)
    monkeypatch.setattr(fan_outs, "SLICE", 1)
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.01)
    done: list[str] = []
    unlocked = asyncio.Event()

    async def project(_: Connection, __: Note, keys: Sequence[str]) -> Projected:
        if "locked" in keys and not unlocked.is_set():
            await asyncio.sleep(0.3)
            raise TransientError("somebody holds it locked")
        done.extend(keys)
        return Projected()

    projector = projecting(pool, project)
    projector.remember([*await a_note(pool, "locked"), *await a_note(pool, *"abcdefghij")])
    await projector.work()
    spreading = asyncio.create_task(projector.fan_outs.run())
    try:
        async with asyncio.timeout(2):  # one after the other it would take 3 s
            await until_true(lambda: len(done) == 10)
        unlocked.set()
        await until_true(lambda: not projector.fan_outs)
    finally:
        spreading.cancel()

    assert done == [*"abcdefghij", "locked"]
    assert await left(pool) == 0


async def test_of_what_is_refused_still_no_more_is_tried_than_a_round_may_cost_and_the_next_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(refusals, "MOST_REFUSALS", 5)
    keys, tried = [f"{number:02}" for number in range(12)], set[str]()
    bad = set(keys[:11])

    async def project(_: Connection, __: Note, those: Sequence[str]) -> Projected:
        tried.update(those)
        if not bad.isdisjoint(those):
            raise PoisonError("bad", "it is one of these")
        return Projected()

    projector = projecting(pool, project)
    async with pool.acquire() as connection:
        for key in keys:
            await refused.keep(connection, MIRROR, ("Contact", key), CAUSE, "bad")

    await projector.try_refused_once()
    in_the_first = set(tried)
    tried.clear()
    await projector.try_refused_once()

    async with pool.acquire() as connection:
        assert await refused.count(connection, MIRROR) == {"Contact": 11}
    assert in_the_first == set(keys[:8])
    assert tried >= set(keys[8:])


async def test_of_many_refused_keys_all_are_written_but_those_that_are_refused_again(pool: Pool) -> None:
    keys = [f"{number:03}" for number in range(250)]
    bad = {"000", "123", "249"}

    async def project(_: Connection, __: Note, those: Sequence[str]) -> Projected:
        if not bad.isdisjoint(those):
            raise PoisonError("bad", "it is one of these")
        return Projected()

    projector = projecting(pool, project)
    async with pool.acquire() as connection, connection.transaction():
        for key in keys:
            await refused.keep(connection, MIRROR, ("Contact", key), CAUSE, "bad")

    await projector.try_refused_once()

    async with pool.acquire() as connection:
        left = await connection.fetch("SELECT id FROM customers.projection_refused ORDER BY id")
    assert {row["id"] for row in left} == bad
