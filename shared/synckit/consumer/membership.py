"""What aiokafka 0.14 lacks in a member of a group, added where this module is imported: nothing here is called by name.

Who was missed has no generation from when it hears of it until it has joined again. Without one Kafka takes offsets of
anybody, where a group has no members: after those that an operator has set back, or for those of a batch that somebody
else is given meanwhile.
"""

import asyncio
from typing import Any, Final

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import UnknownMemberIdError

_commit: Final = GroupCoordinator._do_commit_offsets  # noqa: SLF001 - where the request is built, so nothing lies between


def _commit_as_member(coordinator: Any, assignment: Any, offsets: Any) -> "asyncio.Task[None]":
    """UnknownMemberIdError, as Kafka says it, of which aiokafka makes CommitFailedError. Who assigns itself is free.

    aiokafka shields the commit: one that fails after its caller has gone is looked at here, or asyncio would log it.
    """
    if coordinator.generation < 1 and coordinator._subscription.partitions_auto_assigned():  # noqa: SLF001 - as above
        raise UnknownMemberIdError(coordinator.group_id)
    task = asyncio.create_task(_commit(coordinator, assignment, offsets))
    task.add_done_callback(_look)
    return task


def _look(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()


GroupCoordinator._do_commit_offsets = _commit_as_member  # noqa: SLF001 - as above
