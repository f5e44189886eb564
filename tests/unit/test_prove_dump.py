"""Records of topics as the proof and `trace` read them: whatever somebody wrote there, the others are still read."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from paintbox.prove import dump
from paintbox.prove.trace import Names, seen_in_topics
from support.proof import HEADERS, ONE, TOPIC

GOOD = b'{"source_version": 5, "name": "Fence"}'


def a_kafka_record(value: bytes | None = GOOD, ce_id: bytes = str(ONE).encode(), **changes: Any) -> Any:
    values: dict[str, Any] = {
        "topic": TOPIC,
        "partition": 0,
        "offset": 3,
        "timestamp": 0,
        "timestamp_type": 0,
        "key": b"k",
        "value": value,
        "checksum": None,
        "serialized_key_size": 1,
        "serialized_value_size": 1,
        "headers": [("ce_id", ce_id)],
    }
    return ConsumerRecord(**values | changes)


def a_webhook_record(value: bytes = b"{}", headers: Mapping[str, bytes] = HEADERS) -> Any:
    return a_kafka_record(value, topic="paintbox.webhooks.companycam.v1", headers=list(headers.items()))


def test_a_good_record_and_an_erasure_are_read_as_they_are() -> None:
    good = dump.published(a_kafka_record(), with_values=True)
    erased = dump.published(a_kafka_record(None), with_values=True)

    assert (good.event_id, good.version, good.unreadable) == (ONE, 5, ())
    assert (erased.value, erased.version, erased.unreadable) == (None, -1, ())


@pytest.mark.parametrize(
    ("record", "unreadable"),
    [
        (a_kafka_record(b"not json"), "value"),
        (a_kafka_record(b"\xff\xfe"), "value"),
        (a_kafka_record(b""), "value"),
        (a_kafka_record(b"[1, 2]"), "value"),
        (a_kafka_record(b"null"), "value"),
        (a_kafka_record(ce_id=b"no-uuid"), "ce_id"),
        (a_kafka_record(ce_id=b"\xff\xfe"), "ce_id"),
        (a_kafka_record(b'{"source_version": "newest"}'), "source_version"),
        (a_kafka_record(b'{"source_version": null}'), "source_version"),
        (a_kafka_record(b'{"source_version": true}'), "source_version"),
    ],
)
def test_what_cannot_be_read_is_named_and_counts_as_missing(record: Any, unreadable: str) -> None:
    found = dump.published(record, with_values=True)

    assert found.unreadable == (unreadable,)
    assert found.version in {-1, 5}
    assert found.moment == "1970-01-01T00:00:00.000Z"


def test_a_value_that_nobody_asked_for_is_not_read() -> None:
    assert dump.published(a_webhook_record(value=b"not json"), with_values=False).unreadable == ()


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_receivedat", "ce_correlationid"])
def test_a_webhook_record_of_which_a_header_cannot_be_read_is_told_of(name: str) -> None:
    bad, missing = {**HEADERS, name: b"\xff"}, {key: value for key, value in HEADERS.items() if key != name}

    found = [dump.published(a_webhook_record(headers=headers), with_values=False) for headers in (bad, missing)]

    assert [one.told for one in found] == [None, None]
    assert all("headers" in one.unreadable for one in found)


def test_a_moment_that_there_is_not_is_left_out() -> None:
    assert dump.published(a_kafka_record(timestamp=2**62), with_values=True).moment == ""


def test_the_story_of_a_key_tells_of_its_bad_record_and_goes_on() -> None:
    records = [a_kafka_record(), a_kafka_record(b"no json", offset=4), a_kafka_record(None, offset=5)]
    changes = [dump.published(record, with_values=True) for record in records]

    told = [seen.what for seen in seen_in_topics([], changes, Names((), ("k",), ()))]

    assert told == ["version 5 of k", "a record whose value cannot be read, of k", "erased of k"]
