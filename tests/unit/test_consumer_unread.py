"""Records that Kafka deleted before they were read are noticed, once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from support.clients import FakeClient
from support.notifications import KafkaRecord
from synckit.consumer.client import KafkaClient
from synckit.consumer.continuity import UnsureError
from synckit.consumer.unread import Unread
from synckit.contracts.topics import Cleanup, Topic

TOPIC = Topic("unread.test", "", "", Cleanup.DELETE, 1)
AT = TopicPartition(TOPIC.name, 0)


class Client(FakeClient):
    """Its partition begins somewhere, and its group has committed something."""

    def __init__(self, begin: int, committed: int | None, breaks: Exception | None = None) -> None:
        self.begin, self._committed, self._breaks = begin, committed, breaks
        self.asked = 0

    async def committed(self, _: TopicPartition) -> int | None:
        return self._committed

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += 1
        if self._breaks is not None:
            raise self._breaks
        return dict.fromkeys(partitions, self.begin)


def deleted(topic: Topic = TOPIC) -> float:
    return REGISTRY.get_sample_value("paintbox_consumer_deleted_unread_total", {"topic": topic.name}) or 0.0


async def look(unread: Unread, client: Client, first: int, done: dict[TopicPartition, int]) -> None:
    record: Any = KafkaRecord(value=b"", topic=AT.topic, partition=AT.partition, offset=first)
    await unread.look(cast("KafkaClient", client), [record, replace(record, offset=first + 1)], done)


@pytest.mark.parametrize(
    ("begin", "committed", "missing"),
    [(9, 4, 5), (4, 4, 0), (9, None, 9), (0, 4, 0)],
    ids=["lost", "next", "new", "all"],
)
async def test_after_an_assignment_what_was_deleted_behind_the_committed_offset_is_told(
    begin: int, committed: int | None, missing: int
) -> None:
    before, done = deleted(), dict[TopicPartition, int]()

    await look(Unread(TOPIC), Client(begin, committed), 9, done)

    assert deleted() - before == missing
    assert done == {AT: committed or 0}


async def test_what_is_deleted_while_a_consumer_waits_is_told_too_and_only_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before, unread, client = deleted(), Unread(TOPIC), Client(20, None)

    for _ in range(2):  # the batch is given up, and read again
        await look(unread, client, 20, {AT: 13})
    client.begin = 25
    await look(unread, client, 25, {AT: 13})

    assert deleted() - before == 12
    assert [(one.levelname, one.offset, one.offsets) for one in caplog.records] == [  # type: ignore[attr-defined]
        ("ERROR", 13, 7),
        ("ERROR", 13, 5),
    ]


async def test_nothing_is_asked_where_a_batch_goes_on_where_the_last_one_ended() -> None:
    client = Client(0, 0)

    await look(Unread(TOPIC), client, 13, {AT: 13})

    assert client.asked == 0


async def test_the_gaps_of_compaction_are_not_asked_about() -> None:
    client = Client(0, 0)

    await look(Unread(replace(TOPIC, cleanup=Cleanup.COMPACT)), client, 20, {AT: 13})

    assert client.asked == 0


@pytest.mark.parametrize("error", [KafkaConnectionError(), AssertionError()], ids=["away", "damaged"])
async def test_a_kafka_that_does_not_answer_or_makes_no_sense_holds_no_batch_up_of_a_log_that_is_known(
    error: Exception,
) -> None:
    done, unread = {AT: 4}, Unread(TOPIC)

    await look(unread, Client(9, 4, error), 9, done)

    assert done == {AT: 4}


@pytest.mark.parametrize("error", [KafkaConnectionError(), AssertionError()], ids=["away", "damaged"])
async def test_a_batch_is_not_applied_while_nobody_can_say_which_log_it_is_of(error: Exception) -> None:
    """Its offsets would be committed as this one's, in the place of those that say so."""
    with pytest.raises(UnsureError):
        await look(Unread(TOPIC), Client(9, 4, error), 9, {})


@pytest.mark.parametrize(("cleanup", "missing"), [(Cleanup.DELETE, 7), (Cleanup.COMPACT, 0)])
async def test_a_position_that_no_record_led_to_is_compared_before_it_is_committed(
    cleanup: Cleanup, missing: int
) -> None:
    """As where all of a partition was deleted; in compacted topics markers of transactions lead there, all the time."""
    before, unread = deleted(), Unread(replace(TOPIC, cleanup=cleanup))

    await unread.compare(cast("KafkaClient", Client(20, None)), {AT: 20}, {AT: 13})

    assert deleted() - before == missing
