"""What a member commits: nothing once it was missed; what fails after its caller has gone is no error line."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import NotCoordinatorForGroupError, UnknownMemberIdError

from synckit.consumer import membership


def a_coordinator(generation: int) -> Any:
    return SimpleNamespace(
        generation=generation, group_id="g", _subscription=SimpleNamespace(partitions_auto_assigned=lambda: True)
    )


async def test_who_was_missed_commits_nothing() -> None:
    with pytest.raises(UnknownMemberIdError):
        GroupCoordinator._do_commit_offsets(a_coordinator(-1), None, {})


async def test_a_commit_that_fails_after_its_caller_has_gone_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, told = asyncio.Event(), list[dict[str, Any]]()

    async def commit(*_: object) -> None:
        await goes_on.wait()
        raise NotCoordinatorForGroupError

    monkeypatch.setattr(membership, "_commit", commit)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.shield(GroupCoordinator._do_commit_offsets(a_coordinator(1), None, {}))
    goes_on.set()
    await asyncio.sleep(0.01)
    gc.collect()

    assert told == []
