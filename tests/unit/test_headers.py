"""Headers carry an event from hop to hop, and what is malformed in them is poison, never a crash."""

from dataclasses import replace
from uuid import UUID

import pytest

from support.facts import NOON_MS
from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders
from synckit.errors import PoisonError

EVENT = EventHeaders(
    id=UUID("8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c21"),
    source=headers.SOURCE_COMPANYCAM,
    type="companycam.photo.created.v1",
    subject="photo/1",
    time=NOON_MS,
    received_at=NOON_MS + 1_234,
    correlation_id=UUID("8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c22"),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    fact_version=1_927_759_146_975_756_855,
    observed_at=NOON_MS,
    vendor_event_id="x",
    request="{}",
)


def changed(**texts: str | None) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in (EVENT.encoded() | texts).items() if text is not None]


def test_what_is_encoded_is_decoded_again() -> None:
    assert headers.decode(headers.to_kafka(EVENT.encoded())) == EVENT


def test_what_is_optional_may_be_left_out() -> None:
    least = replace(EVENT, fact_version=None, observed_at=None, vendor_event_id=None, request=None)

    assert headers.decode(headers.to_kafka(least.encoded())) == least


def test_the_names_are_those_of_cloudevents_binary_mode() -> None:
    assert EVENT.encoded() | {"ce_receivedat": "", "ce_time": ""} == {
        "ce_specversion": "1.0",
        "ce_id": "8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c21",
        "ce_source": "/webhooks/companycam",
        "ce_type": "companycam.photo.created.v1",
        "ce_time": "",
        "ce_subject": "photo/1",
        "ce_correlationid": "8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c22",
        "ce_factversion": "1927759146975756855",
        "ce_observedat": "2026-01-01T12:00:00.000Z",
        "ce_receivedat": "",
        "ce_vendoreventid": "x",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "content-type": "application/json",
        "request": "{}",
    }


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_receivedat"])
def test_a_missing_header_is_poison(name: str) -> None:
    with pytest.raises(PoisonError) as refused:
        headers.decode(changed(**{name: None}))

    assert refused.value.code == "missing_header"
    assert name in refused.value.reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ce_id", "7"),
        ("ce_correlationid", ""),
        ("ce_time", "noon"),
        ("ce_receivedat", "2026-01-01T12:00:00"),
        ("ce_factversion", "1.5"),
        ("ce_observedat", "x"),
    ],
)
def test_a_malformed_header_is_poison_and_its_reason_quotes_nothing(name: str, text: str) -> None:
    with pytest.raises(PoisonError) as refused:
        headers.decode(changed(**{name: text}))

    assert refused.value.code == "malformed_headers"
    assert refused.value.reason == "a CloudEvents header is malformed"


def test_f11_f43_b77_another_major_version_is_poison_and_another_minor_one_is_not() -> None:
    types = ("companycam.photo.created.v2", "photo", f"photo.v{'1' * 5_000}")
    for texts in (*({"ce_type": type_} for type_ in types), {"ce_specversion": "2.0"}):
        with pytest.raises(PoisonError) as refused:
            headers.decode(changed(**texts))
        assert refused.value.code == "unknown_major_version"

    assert headers.decode([*changed(ce_specversion="1.1"), ("ce_newextension", b"x")]) == EVENT


def test_a_header_that_is_not_utf8_is_poison() -> None:
    with pytest.raises(PoisonError) as refused:
        headers.decode([*changed(traceparent=None), ("traceparent", b"\xff")])

    assert refused.value.code == "malformed_headers"


def test_headers_of_others_may_hold_whatever_they_like() -> None:
    assert headers.decode([*changed(), ("other", b"\xff\x00"), ("empty", None)]) == EVENT
