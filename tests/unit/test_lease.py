"""A batch is a consumer's while Kafka says so, which is asked once nobody else can erase."""

from typing import Any, cast

import pytest

from support.notifications import KafkaRecord
from synckit.consumer import Batch
from synckit.consumer.lease import ASK_SECONDS, GivenUpError, Lease, LeaseError, ask
from synckit.failures import Verdict, verdict
from synckit.postgres import SESSION_SETTINGS


class Kafka:
    """Says yes until it says no more."""

    def __init__(self) -> None:
        self.asked, self.says_yes = 0, True

    async def ask(self) -> None:
        self.asked += 1
        if not self.says_yes:
            raise LeaseError


def test_kafka_is_not_waited_for_as_long_as_others_wait_for_the_turn() -> None:
    """Decision 38."""
    assert int(SESSION_SETTINGS["lock_timeout"].removesuffix("s")) > ASK_SECONDS


async def test_f04_it_is_asked_each_time_whatever_it_said_a_moment_ago() -> None:
    """A moment by the clock of a machine that stood still, as one does that is paused, may be an hour."""
    kafka = Kafka()
    ours = Lease(kafka.ask)
    await ours.confirm()
    kafka.says_yes = False

    with pytest.raises(LeaseError) as missed:
        await ours.confirm()

    assert kafka.asked == 2
    assert verdict(missed.value) is Verdict.TRANSIENT


async def test_what_has_lapsed_is_given_up_whatever_kafka_says() -> None:
    kafka = Kafka()
    ours = Lease(kafka.ask)
    ours.lapse()

    with pytest.raises(GivenUpError):
        await ours.confirm()

    assert kafka.asked == 0


async def test_what_lapses_while_kafka_is_asked_is_given_up_too() -> None:
    async def lapse() -> None:
        ours.lapse()

    ours = Lease(lapse)

    with pytest.raises(GivenUpError):
        await ours.confirm()


async def test_a_batch_of_no_consumer_is_always_whoever_applies_it() -> None:
    batch = Batch([KafkaRecord(value=b""), KafkaRecord(value=b"")])

    await batch.lease.confirm()

    assert {id(half.lease) for half in batch.halves()} == {id(batch.lease)}


class Damaged:
    """A client whose answer lacks a partition."""

    async def commit(self, _: object) -> None:
        raise KeyError("customers-0")


async def test_whatever_the_client_raises_is_no_yes_and_no_bug_of_ours() -> None:
    with pytest.raises(LeaseError):
        await ask(cast("Any", Damaged()), {})
