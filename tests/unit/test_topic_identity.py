"""What a consumer does with a topic that is another one than it read before, under the same name."""

from typing import Any, Final, cast

import pytest
from aiokafka import TopicPartition

from support.clients import FakeClient
from synckit.consumer import topic_identity
from synckit.consumer.client import KafkaClient
from synckit.consumer.topic_identity import AnewError, Identity
from synckit.consumer.unread import Unread
from synckit.contracts.topics import Cleanup, Topic

TOPIC: Final = Topic("identity.test", "", "", Cleanup.DELETE, 1)
AT: Final = TopicPartition(TOPIC.name, 0)
OLD: Final = "0d6c7a5e-0000-4000-8000-000000000001"
NEW: Final = "0d6c7a5e-0000-4000-8000-000000000002"


class Client(FakeClient):
    """Its group has committed an offset, with the id of a topic."""

    def __init__(self, topic_id: str, mark: str) -> None:
        self.topic_id, self.mark = topic_id, mark
        self.commits: list[Any] = []

    async def committed(self, _: TopicPartition) -> int | None:
        return 7

    async def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {AT: 2}

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        self.commits.append(offsets)


async def learn(client: Client, unread: Unread) -> dict[TopicPartition, int]:
    done: dict[TopicPartition, int] = {}
    await unread.learn(cast("KafkaClient", client), [AT], done)
    return done


@pytest.mark.parametrize("mark", [NEW, ""], ids=["of this topic", "of an earlier release"])
async def test_offsets_of_this_topic_and_such_as_have_no_id_are_believed(mark: str) -> None:
    client = Client(NEW, mark)

    assert await learn(client, Unread(TOPIC)) == {AT: 7}
    assert client.commits == []


async def test_offsets_of_another_topic_are_replaced_by_the_beginning_of_this_one() -> None:
    client, unread = Client(NEW, OLD), Unread(TOPIC)

    with pytest.raises(AnewError):
        await learn(client, unread)

    assert client.commits == [{AT: (2, NEW)}]


async def test_offsets_are_believed_where_the_broker_knows_of_no_ids() -> None:
    unread = Unread(TOPIC)

    assert await learn(Client("", OLD), unread) == {AT: 7}
    assert unread.mark({AT: 8}) == {AT: 8}


async def test_a_topic_that_changes_while_it_is_read_is_noticed_and_offsets_stay_those_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until the partitions are assigned anew: what is in hand is of that one."""
    monkeypatch.setattr(topic_identity, "LOOK_SECONDS", 0.0)
    client, one = Client(OLD, ""), Identity(TOPIC.name)
    await one.look(client)
    client.topic_id = NEW

    for _ in range(2):
        with pytest.raises(AnewError):
            await one.look(client)
    while_it_is_read = one.mark({AT: 8})
    one.forget()
    await one.look(client)

    assert while_it_is_read == {AT: (8, OLD)}
    assert one.mark({AT: 2}) == {AT: (2, NEW)}


async def test_a_topic_that_is_away_just_now_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_identity, "LOOK_SECONDS", 0.0)
    client, one = Client(OLD, ""), Identity(TOPIC.name)
    await one.look(client)
    client.topic_id = ""

    await one.look(client)

    assert one.mark({AT: 8}) == {AT: (8, OLD)}
