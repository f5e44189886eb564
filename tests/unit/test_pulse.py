"""A process notices that it stood still: nobody else can tell it, and its group has gone on without it."""

import asyncio

import pytest

from synckit.consumer import pulse
from synckit.consumer.pulse import STILL_SECONDS, Pulse


class Clock:
    """The monotonic clock, which goes on while a process is frozen."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pulse, "monotonic", clock)
    return clock


def test_who_beats_never_stood_still(clock: Clock) -> None:
    beating, woken = Pulse(), list[float]()
    began = clock.now

    for _ in range(20):
        beating.beat(lambda: woken.append(clock.now))
        clock.now += STILL_SECONDS

    assert woken == []
    assert not beating.stood_still(since=began)


def test_who_stood_still_hears_of_it_once_and_what_was_taken_before_knows(clock: Clock) -> None:
    beating, woken = Pulse(), list[float]()
    beating.beat(lambda: woken.append(clock.now))
    before = clock.now
    clock.now += STILL_SECONDS + 0.1

    is_told_before_the_beat = beating.stood_still(since=before)
    beating.beat(lambda: woken.append(clock.now))
    after = clock.now
    beating.beat(lambda: woken.append(clock.now))

    assert is_told_before_the_beat
    assert woken == [after]
    assert beating.stood_still(since=before)
    assert not beating.stood_still(since=after)


async def test_where_nothing_beats_nothing_is_known(clock: Clock) -> None:
    beating = Pulse()
    task = asyncio.create_task(beating.run(lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    clock.now += 3600

    assert not beating.stood_still(since=0)
