"""What aiokafka 0.14 lacks in a member of a group, added where this module is imported: nothing here is called by name.

Who was missed has no generation from when it hears of it until it has joined again. Without one Kafka takes offsets of
anybody, where a group has no members: after those that an operator has set back, or for those of a batch that somebody
else is given meanwhile.
"""

from typing import Any, Final

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import UnknownMemberIdError

_commit: Final = GroupCoordinator._do_commit_offsets  # noqa: SLF001 - where the request is built, so nothing lies between


async def _commit_as_member(coordinator: Any, assignment: Any, offsets: Any) -> None:
    """UnknownMemberIdError, as Kafka says it, of which aiokafka makes CommitFailedError. Who assigns itself is free."""
    if coordinator.generation < 1 and coordinator._subscription.partitions_auto_assigned():  # noqa: SLF001 - as above
        raise UnknownMemberIdError(coordinator.group_id)
    await _commit(coordinator, assignment, offsets)


GroupCoordinator._do_commit_offsets = _commit_as_member  # noqa: SLF001 - as above
