"""Topics that change under traffic."""

from typing import TYPE_CHECKING, Final

from paintbox.brokers import administration, find_topics, grow_topic
from paintbox.prove.faults.kind import KAFKA, Heal, Kind, nothing
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig


async def _add_partitions(rig: "Rig", _: str) -> Heal:
    """One more for each webhook topic: keys move to other partitions, and nobody can take one away again."""
    async with administration(rig.kafka) as admin:
        found = await find_topics(admin, [WEBHOOKS_SALESFORCE.name, WEBHOOKS_COMPANYCAM.name])
        for name, topic in found.items():
            await grow_topic(admin, name, topic.partitions + 1)
    return nothing


KINDS: Final = (Kind("partitions", KAFKA, "a partition more for each webhook topic", (0.0, 0.0), _add_partitions),)
