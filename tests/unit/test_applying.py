"""What a batch is tried again for, and for how long."""

from collections.abc import Iterable

import asyncpg
import pytest

from support.notifications import KafkaRecord
from synckit import backoff
from synckit.consumer import applying
from synckit.consumer.applying import PATIENCE, Applier
from synckit.consumer.batch import Batch
from synckit.failures import Verdict

CLOSED = asyncpg.InterfaceError("connection is closed")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_DELAY", 0.0)


class Failing:
    """Applies after these failures."""

    def __init__(self, failures: Iterable[Exception]) -> None:
        self._failures = iter(failures)
        self.applied = 0

    async def __call__(self, batch: Batch) -> None:
        for failure in self._failures:
            raise failure
        self.applied += len(batch.living)


def a_batch() -> Batch:
    return Batch([KafkaRecord(value=b"{}")])


async def test_sessions_that_die_in_use_are_waited_for() -> None:
    apply = Failing([CLOSED] * (PATIENCE[Verdict.UNCLEAR] - 1))

    parked = await Applier("topic", apply).apply(a_batch())

    assert (apply.applied, parked) == (1, [])


async def test_what_never_stops_being_unclear_is_a_bug_and_parks_nothing() -> None:
    apply = Failing([CLOSED] * PATIENCE[Verdict.UNCLEAR])

    with pytest.raises(asyncpg.InterfaceError):
        await Applier("topic", apply).apply(a_batch())

    assert apply.applied == 0


async def test_what_a_restore_brings_back_is_waited_for_longer_and_counts_apart() -> None:
    missing = [asyncpg.UndefinedTableError("x")] * (PATIENCE[Verdict.UNCLEAR] + 10)
    apply = Failing([*missing, CLOSED, *missing])

    await Applier("topic", apply).apply(a_batch())

    assert apply.applied == 1


async def test_who_would_hold_others_up_does_not_wait_for_a_restore() -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await Applier("topic", Failing([asyncpg.UndefinedTableError("x")]), restored=0).apply(a_batch())


async def test_an_outage_in_between_counts_afresh() -> None:
    half = [CLOSED] * (PATIENCE[Verdict.UNCLEAR] - 1)
    apply = Failing([*half, ConnectionResetError(), *half])

    await Applier("topic", apply).apply(a_batch())

    assert apply.applied == 1


async def test_what_is_too_large_to_be_held_several_times_over_is_applied_in_parts_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(applying, "MOST_BYTES", 100)
    applied: list[list[bytes]] = []

    async def apply(batch: Batch) -> None:
        applied.append([record.value or b"" for record in batch.records])

    small, large = [b"%d" % number for number in range(10)], b"x" * 300
    await Applier("topic", apply).apply(Batch([KafkaRecord(value=value) for value in (*small, large, None, b"last")]))

    assert [value for part in applied for value in part] == [*small, large, b"", b"last"]
    assert max(sum(map(len, part)) for part in applied if large not in part) <= 100
    assert [part for part in applied if large in part] == [[large]]
