"""Who looks for the sessions of a frozen copy looks in every database, whatever another one does."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from synckit import sessions
from synckit.postgres import Pool


async def test_f04_a_database_that_hangs_keeps_nobody_from_looking_in_another_nor_in_itself_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[Any] = []
    enough = asyncio.Event()

    async def end_silent(pool: object) -> int:
        looks.append(pool)
        if looks.count("hangs") > 1 and looks.count("works") > 1:
            enough.set()
        if pool == "hangs":
            await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(sessions, "end_silent", end_silent)
    monkeypatch.setattr(sessions, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sessions, "ANSWER_SECONDS", 0.01)
    watching = asyncio.create_task(sessions.watch(cast("Pool", "hangs"), cast("Pool", "works")))

    async with asyncio.timeout(5):
        await enough.wait()

    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
