"""The log, the sync logs and the cache say what came: each check finds the one field that does not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from paintbox.prove import contents
from paintbox.prove.checks.contents import (
    every_version_has_the_log_of_its_event,
    sync_logs_name_their_records,
    the_cache_is_the_mirror,
    the_log_says_what_came,
    what_came_was_sent,
)
from paintbox.prove.contents import Cached
from paintbox.prove.tables import Mirrored
from paintbox.prove.verdicts import State, Verdict
from support.proof import (
    CORRELATION,
    HEADERS,
    NOON,
    ONE,
    TWO,
    a_customer_log,
    a_record,
    a_sync_log,
    a_told,
    an_answer,
    an_erasure,
    subjects,
)
from synckit.identity import row_id
from synckit.times import milliseconds

OTHER = "00000000-0000-0000-0000-000000000009"
LATER = NOON + timedelta(seconds=1)
LOG = row_id("customer_sync_logs", str(ONE), str(TWO))


def said(verdict: Verdict) -> list[str]:
    return [one.what for one in verdict.violations]


def test_an_event_under_an_id_or_with_a_payload_that_nobody_sent_is_found() -> None:
    sent = {ONE: {"payload", "another"}}

    wrong = what_came_was_sent(sent, [a_told(), a_told(TWO), a_told(payload="third")])

    assert what_came_was_sent(sent, [a_told(), a_told(payload="another")]).state is State.HELD
    assert what_came_was_sent(sent, []).state is State.NOTHING_CHECKED
    assert [(one.subject, one.what) for one in wrong.violations] == [
        (str(TWO), "is an event that no vendor sent"),
        (str(ONE), "carries another payload than its vendor sent"),
    ]


def test_a_row_that_says_what_one_of_its_deliveries_said_holds() -> None:
    again = a_told(received_at=LATER, correlation_id=OTHER, request="another", raw="bytes")

    assert the_log_says_what_came([a_told(raw="bytes"), again], [a_told()]).state is State.HELD
    assert the_log_says_what_came([a_told(raw="bytes"), again], [replace(again, raw=None)]).state is State.HELD
    assert the_log_says_what_came([], []).state is State.NOTHING_CHECKED


@pytest.mark.parametrize("name", ["service", "event_type", "event_id", "correlation_id", "request", "payload"])
def test_a_field_of_the_log_that_never_came_is_found_with_its_event(name: str) -> None:
    verdict = the_log_says_what_came([a_told(raw="bytes")], [replace(a_told(), said={**a_told().said, name: "x"})])

    assert subjects(verdict) == [str(ONE)]
    assert said(verdict) == [f"is logged with another {name} than it came with"]


def test_a_row_that_mixes_two_deliveries_is_found() -> None:
    again = a_told(correlation_id=OTHER, request="another")

    assert subjects(the_log_says_what_came([a_told(), again], [a_told(request="another")])) == [str(ONE)]


def test_what_was_not_understood_keeps_its_bytes_instead_of_a_payload() -> None:
    came = [a_told(raw="bytes")]

    assert the_log_says_what_came(came, [a_told(payload="{}", raw="bytes")]).state is State.HELD
    assert said(the_log_says_what_came(came, [a_told(raw="wiped")])) == ["is logged with another raw than it came with"]


def test_a_row_of_another_moment_is_found() -> None:
    assert subjects(the_log_says_what_came([a_told()], [a_told(received_at=LATER)])) == [str(ONE)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("service", "COMPANY_CAM"),
        ("entity_type", "Nothing"),
        ("entity_id", None),
        ("external_id", "nobody"),
        ("correlation_id", UUID(OTHER)),
        ("started_at", LATER),
    ],
)
def test_a_sync_log_about_something_else_than_its_event_is_found(name: str, value: Any) -> None:
    answered, sent = {ONE: an_answer()}, [a_told()]

    wrong = sync_logs_name_their_records(answered, sent, [a_sync_log(**{name: value})])

    assert sync_logs_name_their_records(answered, sent, [a_sync_log()]).state is State.HELD
    assert subjects(wrong) == [str(ONE)]
    assert said(wrong) == [f"has a sync log with another {name}"]


def test_the_sync_log_of_a_hint_names_no_row_of_ours() -> None:
    hint = a_sync_log(outcome="hint", entity_id=None)

    assert sync_logs_name_their_records({ONE: an_answer()}, [a_told()], [hint]).state is State.HELD
    assert subjects(sync_logs_name_their_records({ONE: an_answer()}, [a_told()], [a_sync_log(outcome="hint")]))


def test_a_version_of_a_customer_without_the_log_of_its_event_is_found_with_the_event() -> None:
    versions = [a_record(str(TWO)), a_record(str(TWO)), an_erasure(str(TWO))]

    lost = every_version_has_the_log_of_its_event(versions, [a_told()], [])

    assert every_version_has_the_log_of_its_event(versions, [a_told()], [a_customer_log(LOG)]).state is State.HELD
    assert subjects(lost) == [str(ONE)]


def test_an_event_that_changed_a_customer_twice_is_logged_once() -> None:
    versions = [a_record(str(TWO), 5), a_record(str(TWO), 6)]

    assert every_version_has_the_log_of_its_event(versions, [a_told()], [a_customer_log(LOG)]).state is State.HELD


def test_a_version_that_another_event_claims_is_found() -> None:
    logs = [a_customer_log(LOG, version=4), a_customer_log(ONE, version=5)]

    verdict = every_version_has_the_log_of_its_event([a_record(str(TWO), 5)], [a_told()], logs)

    assert subjects(verdict) == [str(TWO)]


def test_a_customer_sync_log_is_completed_where_it_names_a_customer_and_failed_elsewhere() -> None:
    versions, sent = [a_record(str(TWO))], [a_told()]
    failed, refused = a_customer_log(LOG, status="FAILED"), a_customer_log(ONE, None, None, "FAILED")

    assert subjects(every_version_has_the_log_of_its_event(versions, sent, [failed])) == [str(TWO)]
    assert every_version_has_the_log_of_its_event(versions, sent, [a_customer_log(LOG), refused]).state is State.HELD


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        (Cached({"name": "Wall"}, 5, is_hashed=True), "name"),
        (Cached({}, 5, is_hashed=True), "name"),
        (Cached({"name": "Fence", "more": None}, 5, is_hashed=True), "more"),
        (Cached({"name": "Fence"}, 4, is_hashed=True), "source_version"),
        (Cached({"name": "Fence"}, 5, is_hashed=False), "data_hash"),
    ],
)
def test_a_record_that_is_cached_otherwise_than_mirrored_is_found(kept: Cached, what: str) -> None:
    mirrors = {"companycam": {("project", "7"): Mirrored({"name": "Fence", "$deleted": True}, True, 5)}}
    as_it_is = {("COMPANY_CAM", "project", "7"): Cached({"name": "Fence"}, 5, is_hashed=True)}

    wrong = the_cache_is_the_mirror(mirrors, {("COMPANY_CAM", "project", "7"): kept})

    assert the_cache_is_the_mirror(mirrors, as_it_is).state is State.HELD
    assert subjects(wrong) == ["7"]
    assert what in wrong.violations[0].what


def test_a_record_that_is_mirrored_or_cached_alone_is_found() -> None:
    mirrors = {"companycam": {("project", "7"): Mirrored({}, False, 5)}}
    cached = {("COMPANY_CAM", "photo", "8"): Cached({}, 5, is_hashed=True)}

    assert subjects(the_cache_is_the_mirror(mirrors, cached)) == ["7", "8"]


def test_a_record_of_a_topic_is_read_as_its_row_is() -> None:
    told = contents.told("paintbox.webhooks.companycam.v1", HEADERS, b'{"id": "7"}')

    assert told is not None
    assert (told.id, told.received_at) == (ONE, milliseconds(NOON))
    assert told.said == {
        "service": "COMPANY_CAM",
        "event_type": "photo.created",
        "event_id": "7",
        "correlation_id": str(CORRELATION),
        "request": contents.digest('{"user_agent":"test"}'),
        "payload": contents.digest('{"id":"7"}'),
    }


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_receivedat", "ce_correlationid"])
def test_of_a_record_with_headers_of_somebody_else_nothing_is_told(name: str) -> None:
    assert contents.told("t", {**HEADERS, name: b"\xff"}, b"{}") is None
    assert contents.told("t", {key: value for key, value in HEADERS.items() if key != name}, b"{}") is None


def test_a_digest_is_of_the_value_and_not_of_how_it_is_written() -> None:
    assert contents.digest('{"b": 1e2, "a": 45.10}') == contents.digest(b'{"a":45.1,"b":100}')
    assert contents.digest('{"a": 1}') != contents.digest('{"a": "1"}')
    assert contents.digest("no JSON") is None


def test_a_mirrored_record_is_as_new_as_the_newest_of_its_fields() -> None:
    fields = orjson.loads('{"a": 1, "b": 2, "c": 3}')

    assert contents.newest(fields, 5, {"a": 3, "b": [7, 2], "gone": 9}) == 7
    assert contents.newest(fields, 5, {}) == 5
    assert contents.newest({"a": 1}, 5, {"a": 3}) == 3
    assert contents.newest({}, 5, {}) == 0
