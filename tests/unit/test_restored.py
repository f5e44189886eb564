"""What counts of the topics after a restore: what every reader takes, and of a key what no erasure has forgotten."""

from typing import Final
from uuid import uuid4

import pytest

from paintbox.databases import Database
from paintbox.restored import Published, Waiting
from support.notifications import KafkaRecord
from support.people import customer
from support.samples import DOUGLAS
from synckit import versions

NOW_MS: Final = 1_767_348_000_000
HOUR_MS: Final = 60 * 60 * 1000
KEY: Final = (customer().key or b"").decode()
TOPIC: Final = customer().topic


def waiting(version: int, key: str = KEY) -> Waiting:
    return Waiting(seq=1, topic=TOPIC, key=key, version=version)


def published(*records: KafkaRecord, now_ms: int = NOW_MS) -> Published:
    found = Published(Database.CUSTOMERS, now_ms, [waiting(1), waiting(1, str(uuid4()))])
    found.take(records)
    return found


@pytest.mark.parametrize(("hours", "counts"), [(-1, True), (22, True), (23.5, False), (25, False)])
def test_a_version_that_readers_whose_clocks_are_behind_would_park_does_not_count(hours: float, counts: bool) -> None:
    ahead = versions.pushed(NOW_MS + int(hours * HOUR_MS))

    found = published(customer(DOUGLAS, 5), customer(DOUGLAS, ahead))

    assert found.greatest == (ahead if counts else 5)
    assert found.passed_over == ({} if counts else {"implausible_version": 1})


def test_only_a_newer_version_of_its_key_outdates_a_row_of_the_outbox() -> None:
    found = published(customer(DOUGLAS, 5), customer(DOUGLAS, 3))

    assert [found.has_outdated(waiting(version)) for version in (4, 5, 6)] == [True, False, False]
    assert not Published(Database.CUSTOMERS, NOW_MS, [waiting(4)]).has_outdated(waiting(4))


def test_what_was_published_before_an_erasure_outdates_nothing_and_is_not_used_again() -> None:
    found = published(customer(DOUGLAS, 5), KafkaRecord(topic=TOPIC, key=KEY.encode(), value=None))

    assert not found.has_outdated(waiting(4))
    assert found.greatest == 5
