"""A loop that ends of what nobody foresaw is begun again, loudly, and is red until it has lived for a while."""

import asyncio
import logging

import pytest

from support.waiting import until, until_true
from synckit import background


class Loop:
    """Fails as often as it is told to, then waits for its end."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self.begun = 0

    async def __call__(self) -> None:
        self.begun += 1
        if self.begun <= self._failures:
            raise AssertionError("what a client library makes of a damaged answer")
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(background, "LONGEST_DELAY", 0.02)


async def test_it_is_begun_again_until_it_stays(caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop(failures=3)

    async with background.background() as loops:
        loops.start({"relay": loop})
        await until_true(lambda: loop.begun == 4)

    said = [record for record in caplog.records if record.message == "A background loop failed"]
    assert [(record.levelno, record.__dict__["loop"], record.__dict__["error"]) for record in said] == [
        (logging.ERROR, "relay", "AssertionError")
    ] * 3
    assert all(record.exc_info for record in said)


async def test_it_is_red_until_it_has_lived_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, fine = Loop(failures=1), Loop(failures=0)
    monkeypatch.setattr(background, "PROVEN_SECONDS", 1.0)

    async with background.background() as loops:
        loops.start({"relay": loop, "config": fine})
        before = await loops.check()
        await until_true(lambda: loop.begun == 2)
        meanwhile = await loops.check()
        await until(lambda: _is_green(loops))

    assert (before, meanwhile) == (None, "failed: relay")
    assert (loop.begun, fine.begun) == (2, 1)


async def _is_green(loops: background.Background) -> bool:
    return await loops.check() is None


async def test_one_that_ends_by_itself_is_not_begun_again() -> None:
    begun_with = []

    async def ends() -> None:
        begun_with.append(1)

    async with background.background() as loops:
        loops.start({"relay": ends})
        await loops.end("relay", lambda: None, 5)
        await asyncio.sleep(0.05)

    assert begun_with == [1]


async def test_one_that_waits_to_be_begun_again_is_cancelled_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_DELAY", 60.0)
    loop = Loop(failures=1)

    async with asyncio.timeout(5), background.background() as loops:
        loops.start({"relay": loop})
        await until_true(lambda: loop.begun == 1)


async def test_a_loop_whose_library_cancels_itself_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    """As aiokafka's fetches, whose cancellation comes out where a client is ended: the loop would be gone silently."""
    begun: list[int] = []

    async def loop() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            theirs = asyncio.create_task(asyncio.sleep(60))
            theirs.cancel()
            await theirs
        await asyncio.Event().wait()

    async with background.background() as loops:
        loops.start({"consumers": loop})
        await until_true(lambda: len(begun) == 2)
        assert await loops.check() == "failed: consumers"

    assert [one.message for one in caplog.records] == ["A background loop failed"]
