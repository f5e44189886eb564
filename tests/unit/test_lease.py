"""A batch is a consumer's for so long as Kafka has said so: asked before the work, looked at once it has its turn."""

import pytest

from support.notifications import KafkaRecord
from synckit.consumer import Batch, lease
from synckit.consumer.group import SESSION_MS
from synckit.consumer.lease import FRESH_SECONDS, LEASE_SECONDS, GivenUpError, Lease, LeaseError
from synckit.failures import Verdict, verdict
from synckit.postgres import SESSION_SETTINGS


class Kafka:
    """Says yes until it says no more; and the clock."""

    def __init__(self) -> None:
        self.now, self.asked, self.says_yes = 1_000.0, 0, True

    async def ask(self) -> None:
        self.asked += 1
        if not self.says_yes:
            raise LeaseError


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(lease, "monotonic", lambda: kafka.now)
    return kafka


def test_a_lease_outlasts_the_wait_for_a_turn_and_ends_before_kafka_misses_a_member() -> None:
    """Decision 38."""
    lock_seconds = int(SESSION_SETTINGS["lock_timeout"].removesuffix("s"))

    assert FRESH_SECONDS + lock_seconds < LEASE_SECONDS < SESSION_MS / 1000 - 1


async def test_who_was_told_just_now_asks_nobody(kafka: Kafka) -> None:
    ours = Lease(kafka.ask, kafka.now)
    kafka.now += FRESH_SECONDS

    await ours.renew()
    ours.check()

    assert kafka.asked == 0


async def test_who_was_told_long_ago_asks_and_may_work_for_a_while(kafka: Kafka) -> None:
    ours = Lease(kafka.ask, kafka.now)
    kafka.now += 3600

    await ours.renew()
    kafka.now += LEASE_SECONDS
    ours.check()
    kafka.now += 0.1
    with pytest.raises(LeaseError) as late:
        ours.check()

    assert kafka.asked == 1
    assert verdict(late.value) is Verdict.TRANSIENT


async def test_who_is_not_told_does_not_begin(kafka: Kafka) -> None:
    ours = Lease(kafka.ask, kafka.now)
    kafka.now += FRESH_SECONDS + 0.1
    kafka.says_yes = False

    for _ in range(2):
        with pytest.raises(LeaseError):
            await ours.renew()

    assert kafka.asked == 2


async def test_what_has_lapsed_is_given_up_whatever_kafka_says(kafka: Kafka) -> None:
    ours = Lease(kafka.ask, kafka.now)
    ours.lapse()

    with pytest.raises(GivenUpError):
        await ours.renew()
    with pytest.raises(GivenUpError):
        ours.check()


async def test_a_batch_of_no_consumer_is_always_whoever_applies_it(kafka: Kafka) -> None:
    batch = Batch([KafkaRecord(value=b""), KafkaRecord(value=b"")])
    kafka.now += 3600

    await batch.lease.renew()
    batch.lease.check()

    assert {id(half.lease) for half in batch.halves()} == {id(batch.lease)}
