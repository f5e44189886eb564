"""A library's own cancellation is an error; that of the task, and a time-out around it, stay what they are."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from synckit.errors import TransientError
from synckit.strays import strays_raised


async def cancelled_by_itself() -> None:
    theirs = asyncio.create_task(asyncio.sleep(60))
    theirs.cancel()
    await theirs


async def test_what_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(TransientError), strays_raised():
        await cancelled_by_itself()


async def test_who_is_cancelled_is_cancelled() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        with strays_raised():
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def late_within() -> None:
    with strays_raised():
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)


async def late_around() -> None:
    async with asyncio.timeout(0.01):
        with strays_raised():
            await asyncio.sleep(60)


@pytest.mark.parametrize("late", [late_within, late_around])
async def test_a_time_out_is_one_within_the_block_and_around_it(late: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(TimeoutError):
        await late()
