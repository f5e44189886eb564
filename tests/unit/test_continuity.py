"""What a consumer does with a log that is another one than it read before, under the same name."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import pytest
from aiokafka import TopicPartition

from support.clients import Broker, Described, FakeClient
from support.notifications import KafkaRecord
from synckit import leaders
from synckit.consumer import continuity
from synckit.consumer.client import KafkaClient
from synckit.consumer.continuity import Continuity, OtherLogError, UnsureError
from synckit.consumer.unread import Unread
from synckit.contracts.topics import Cleanup, Topic

TOPIC: Final = Topic("continuity.test", "", "", Cleanup.DELETE, 1)
AT: Final = TopicPartition(TOPIC.name, 0)
OLD: Final = "0d6c7a5e-0000-4000-8000-000000000001"
NEW: Final = "0d6c7a5e-0000-4000-8000-000000000002"


class Client(FakeClient):
    """Its group has committed an offset, with a mark; its topic has an id, and its partition a leader's epoch."""

    def __init__(self, topic_id: str, mark: str, epoch: int = 3) -> None:
        self.topic_id, self.mark, self.epoch = topic_id, mark, epoch
        self.commits: list[Any] = []
        self.sought: list[int] = []

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({AT})

    async def committed(self, _: TopicPartition) -> int | None:
        return 7

    async def position(self, _: TopicPartition) -> int:
        return 7

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    async def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {AT: 2}

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        self.commits.append(offsets)


@pytest.fixture(autouse=True)
def ends(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Where each epoch ends in the log as it is now, where its leader answers; looks are never too soon."""
    known = dict[int, int]()

    async def epoch_ends(
        _: Any, epochs: Mapping[TopicPartition, int], __: Mapping[int, int]
    ) -> dict[TopicPartition, int]:
        return {at: known[epoch] for at, epoch in epochs.items() if epoch in known}

    monkeypatch.setattr(leaders, "epoch_ends", epoch_ends)
    monkeypatch.setattr(continuity, "LOOK_SECONDS", 0.0)
    return known


async def learn(client: Client, unread: Unread) -> dict[TopicPartition, int]:
    done: dict[TopicPartition, int] = {}
    await unread.learn(cast("KafkaClient", client), [AT], done)
    return done


@pytest.mark.parametrize(
    "mark",
    [f"{NEW}/3", "", "somebody's", f"{NEW}/4"],
    ids=["of this log", "of an earlier release", "of a tool", "of an epoch that this broker has not heard of"],
)
async def test_offsets_of_this_log_and_such_as_do_not_say_are_believed(mark: str) -> None:
    client = Client(NEW, mark)

    assert await learn(client, Unread(TOPIC)) == {AT: 7}
    assert client.commits == []


async def test_offsets_of_another_topic_are_replaced_by_the_beginning() -> None:
    client = Client(NEW, f"{OLD}/3")

    with pytest.raises(OtherLogError):
        await learn(client, Unread(TOPIC))

    assert client.commits == [{AT: (2, f"{NEW}/3")}]


@pytest.mark.parametrize(("end", "commits"), [(5, [{AT: (5, f"{NEW}/3")}]), (7, []), (9, [])])
async def test_offsets_beyond_the_end_of_their_epoch_are_replaced_by_it(
    end: int, commits: Sequence[object], ends: dict[int, int]
) -> None:
    client, ends[1] = Client(NEW, f"{NEW}/1"), end

    try:
        await learn(client, Unread(TOPIC))
    except OtherLogError:
        assert commits

    assert client.commits == commits


async def test_offsets_are_believed_where_the_broker_knows_of_no_ids() -> None:
    unread = Unread(TOPIC)

    assert await learn(Client("", f"{OLD}/3"), unread) == {AT: 7}
    assert unread.mark.put_on({AT: 8}) == {AT: 8}


async def test_a_topic_that_changes_while_it_is_read_is_noticed_and_offsets_stay_those_of_the_one_before() -> None:
    """Until the partitions are assigned anew: what is in hand is of that one."""
    client, one = Client(OLD, ""), Continuity(TOPIC.name)
    await one.look(client, {})
    client.topic_id = NEW

    await one.look(client, {})  # a broker may not have heard of the newest topic yet
    for _ in range(2):
        with pytest.raises(OtherLogError):
            await one.look(client, {})
    while_it_is_read = one.mark.put_on({AT: 8})
    one.forget()
    await one.look(client, {})

    assert while_it_is_read == {AT: (8, f"{OLD}/3")}
    assert one.mark.put_on({AT: 2}) == {AT: (2, f"{NEW}/3")}


async def test_a_topic_that_one_broker_alone_says_is_another_one_is_read_on() -> None:
    client, one = Client(OLD, ""), Continuity(TOPIC.name)
    for topic_id in (OLD, NEW, OLD, NEW):
        client.topic_id = topic_id
        await one.look(client, {})

    assert one.mark.put_on({AT: 8}) == {AT: (8, f"{OLD}/3")}


class Cluster(Client):
    """Broker 0 is asked first, and 1 then; each says which topic it knows."""

    def __init__(self, mark: str, *ids: str) -> None:
        super().__init__("", mark)
        self.ids = ids

    def brokers(self) -> frozenset[Broker]:
        return frozenset(map(Broker, range(len(self.ids))))

    async def send(self, node: int, _: object, /) -> Described:
        return Described(self.ids[node], self.epoch)


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "choice", min)


@pytest.mark.usefixtures("in_turn")
async def test_offsets_are_not_replaced_because_one_broker_has_not_heard_of_their_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else each assignment while it lags would have two weeks read again."""
    client, unread = Cluster(f"{NEW}/3", OLD, NEW), Unread(TOPIC)

    with pytest.raises(UnsureError) as unsure:
        await learn(client, unread)
    client.ids = NEW, NEW

    assert not isinstance(unsure.value, OtherLogError)
    assert await learn(client, unread) == {AT: 7}
    assert (client.commits, caplog.messages) == ([], [])


@pytest.mark.usefixtures("in_turn")
async def test_what_was_read_before_an_assignment_is_not_another_topic_because_one_broker_says_so() -> None:
    client, one = Cluster("", NEW, NEW), Continuity(TOPIC.name)
    await one.look(client, {})
    one.forget()
    client.ids = OLD, NEW

    with pytest.raises(UnsureError):
        await one.look(client, {})

    assert (one.mark.id, one.is_fresh) == (NEW, True)


async def test_a_partition_whose_leader_does_not_answer_is_compared_later(ends: dict[int, int]) -> None:
    client, one = Client(NEW, ""), Continuity(TOPIC.name)
    await one.look(client, {})
    client.epoch = 5
    await one.look(client, {})
    unanswered = one.mark.put_on({AT: 8})
    ends[3] = 5
    await one.look(client, {})

    assert unanswered == {AT: (8, f"{NEW}/3")}
    assert one.mark.put_on({AT: 5}) == {AT: (5, f"{NEW}/5")}
    assert client.sought == [5]


async def test_offsets_whose_partition_has_no_leader_that_answers_are_neither_believed_nor_replaced() -> None:
    client, unread = Client(NEW, f"{NEW}/1"), Unread(TOPIC)
    record: Any = KafkaRecord(value=b"", topic=AT.topic, partition=AT.partition, offset=7)

    assert await learn(client, unread) == {}
    with pytest.raises(UnsureError):
        await unread.look(cast("KafkaClient", client), [record], {})
    assert client.commits == []


@pytest.mark.parametrize(("end", "sought"), [(5, [5]), (7, [7]), (9, [7])])
async def test_a_client_goes_back_to_where_the_epoch_has_ended_that_it_read(
    end: int, sought: list[int], ends: dict[int, int]
) -> None:
    """Or to where it is: what it has fetched and not handed out yet may be of the log before."""
    client, one = Client(NEW, ""), Continuity(TOPIC.name)
    await one.look(client, {})
    client.epoch, ends[3] = 5, end

    await one.look(client, {})

    assert client.sought == sought
    assert one.mark.put_on({AT: 8}) == {AT: (8, f"{NEW}/5")}


async def test_a_broker_that_has_not_heard_of_the_newest_leader_changes_nothing(ends: dict[int, int]) -> None:
    """The next look may ask one that has."""
    client, one = Client(NEW, ""), Continuity(TOPIC.name)
    await one.look(client, {})
    ends[2] = ends[3] = 5

    for epoch in (2, 3):
        client.epoch = epoch
        await one.look(client, {})

    assert client.sought == []
    assert one.mark.put_on({AT: 8}) == {AT: (8, f"{NEW}/3")}


@pytest.mark.parametrize(("committed", "level"), [(7, "WARNING"), (4, "INFO")], ids=["read before", "read meanwhile"])
async def test_what_kafka_may_have_lost_is_told_apart_from_what_is_read_once_more(
    committed: int, level: str, ends: dict[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "synckit")
    client, one = Client(NEW, ""), Continuity(TOPIC.name)
    await one.look(client, {AT: committed})
    client.epoch, ends[3] = 5, 5

    await one.look(client, {AT: 7})

    assert [line.levelname for line in caplog.records] == [level]


async def test_a_batch_that_was_handed_out_before_a_look_is_of_the_log_before(ends: dict[int, int]) -> None:
    client, unread = Client(NEW, ""), Unread(TOPIC)
    done = await learn(client, unread)
    client.epoch, ends[3] = 5, 5

    mark = await unread.look(cast("KafkaClient", client), [], done)
    await unread.learn(cast("KafkaClient", client), [], done)

    assert mark.put_on({AT: 9}) == {AT: (9, f"{NEW}/3")}
    assert unread.mark.put_on({AT: 9}) == {AT: (9, f"{NEW}/5")}


async def test_a_topic_that_is_away_just_now_changes_nothing() -> None:
    client, one = Client(OLD, ""), Continuity(TOPIC.name)
    await one.look(client, {})
    client.topic_id = ""

    await one.look(client, {})

    assert one.mark.put_on({AT: 8}) == {AT: (8, f"{OLD}/3")}
