"""The JSON door of Salesforce takes every form that is documented, and sets aside the rest."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import samples
from synckit import versions
from webhook_ingest.models import Understanding
from webhook_ingest.parsers import salesforce_events

SIGNED_AT = 1_767_348_010_000


def understand(value: Any, signed_at: int | None = SIGNED_AT) -> Understanding:
    return salesforce_events.understand(value if isinstance(value, bytes) else samples.dumped(value), signed_at)


def reasons(value: Any) -> list[str]:
    understood = understand(value)
    assert understood.parsed == ()
    return [one.reason for one in understood.quarantined]


def change_event(**header: Any) -> dict[str, Any]:
    event: dict[str, Any] = samples.document("change_event_contact_update.json")
    event["ChangeEventHeader"] |= header
    return event


def test_a_bare_payload_is_one_record() -> None:
    (parsed,) = understand(samples.body("change_event_contact_update.json")).parsed

    assert parsed.key == samples.DOUGLAS
    assert parsed.type == "change_event.Contact.UPDATE"
    assert parsed.fact_version == versions.pushed(1_767_348_006_000)
    assert parsed.vendor_event_id == "0000be70-a756-e601-9202-32967602a6be:1"


def test_a_merged_event_of_cometd_is_one_record_each() -> None:
    parsed = understand(samples.body("change_event_cometd.json")).parsed

    assert [one.key for one in parsed] == [samples.DOUGLAS, samples.GERALDINE]
    assert [json.loads(one.value)["ChangeEventHeader"]["recordIds"] for one in parsed] == [
        [samples.DOUGLAS],
        [samples.GERALDINE],
    ]
    assert parsed[0].event_id != parsed[1].event_id


def test_the_event_relay_form_is_understood() -> None:
    (parsed,) = understand(samples.body("change_event_relay.json")).parsed

    assert parsed.key == samples.ACME
    assert parsed.time == 1_767_348_006_500


def test_the_id_of_eventbridge_is_no_part_of_the_identity() -> None:
    event = samples.document("change_event_relay.json")

    again = understand(event | {"id": "another"}).parsed

    assert again[0].event_id == understand(event).parsed[0].event_id


@pytest.mark.parametrize(
    "wrap",
    [
        lambda event: event,
        lambda event: [event],
        lambda event: {"payload": event},
        lambda event: {"schema": "x", "payload": event, "event": {"replayId": 1}},
        lambda event: {"channel": "/data/x", "data": {"payload": event}},
        lambda event: {"detail": {"payload": event}},
    ],
    ids=["event", "array", "payload", "without channel", "cometd", "eventbridge"],
)
def test_whatever_the_envelope_the_event_is_the_same(wrap: Any) -> None:
    event = change_event()

    wrapped, bare = understand(wrap(event)), understand(event)

    assert wrapped.parsed[0].event_id == bare.parsed[0].event_id
    assert wrapped.parsed[0].value == bare.parsed[0].value


def test_wildcards_zero_ids_and_gaps_travel_as_such() -> None:
    wildcard = understand(change_event(recordIds=["001*"], changeType="GAP_UPDATE")).parsed[0]
    overflow = understand(change_event(recordIds=["000000000000000AAA"], changeType="GAP_OVERFLOW")).parsed[0]

    assert (wildcard.key, wildcard.type) == ("001*", "change_event.Contact.GAP_UPDATE")
    assert (overflow.key, overflow.type) == ("000000000000000AAA", "change_event.Contact.GAP_OVERFLOW")


def test_fifteen_characters_are_keyed_as_eighteen() -> None:
    assert understand(change_event(recordIds=[samples.DOUGLAS[:15]])).parsed[0].key == samples.DOUGLAS


def test_an_apex_callout_is_a_record_each_with_what_it_was() -> None:
    (parsed,) = understand(samples.body("apex_callout.json")).parsed

    value = json.loads(parsed.value)
    assert parsed.type == "apex_callout.Contact"
    assert parsed.fact_version == versions.pushed(1_767_348_008_000)
    assert value["new"]["Phone"] == "(503) 555-0100"
    assert value["old"]["Phone"] is None


def test_the_payload_form_of_apex_is_understood() -> None:
    (parsed,) = understand(samples.body("apex_payload.json")).parsed

    assert parsed.key == samples.ACME
    assert parsed.type == "apex_callout.Account"


def test_apex_without_a_stamp_is_as_new_as_its_signature() -> None:
    record = {"attributes": {"type": "Contact"}, "Id": samples.DOUGLAS, "LastName": "Hunting"}

    signed = understand({"new": [record], "old": None}).parsed[0]
    unsigned = understand({"new": [record]}, None).parsed[0]

    assert signed.fact_version == versions.pushed(SIGNED_AT)
    assert unsigned.fact_version is None


def test_apex_with_only_old_is_a_record_without_new() -> None:
    (parsed,) = understand({"new": None, "old": [{"Id": samples.DOUGLAS}]}).parsed

    assert json.loads(parsed.value)["new"] is None


def test_the_object_of_a_record_without_attributes_is_told_by_its_prefix() -> None:
    assert understand({"new": {"Id": samples.ACME}}).parsed[0].type == "apex_callout.Account"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"recordIds": []}, "malformed_header"),
        ({"recordIds": "x"}, "malformed_header"),
        ({"recordIds": [7]}, "malformed_id"),
        ({"recordIds": ["no id"]}, "malformed_id"),
        ({"sequenceNumber": "1"}, "malformed_header"),
        ({"sequenceNumber": True}, "malformed_header"),
        ({"transactionKey": None}, "malformed_header"),
        ({"entityName": ""}, "malformed_header"),
        ({"entityName": "x" * 81}, "malformed_header"),
        ({"changeType": "A\nB"}, "malformed_header"),
        ({"commitTimestamp": "1767348006000"}, "malformed_time"),
        ({"commitTimestamp": 10**20}, "malformed_time"),
        ({"commitTimestamp": None}, "malformed_time"),
        ({"recordIds": [samples.DOUGLAS] * 60_000}, "too_many_records"),
    ],
)
def test_a_header_that_is_not_as_documented_is_set_aside(header: dict[str, Any], reason: str) -> None:
    assert reasons(change_event(**header)) == [reason]


def test_a_merged_event_of_thousands_of_records_is_one_record_each() -> None:
    ids = [samples.DOUGLAS[:10] + f"{number:05d}" for number in range(5_000)]

    understood = understand(change_event(recordIds=ids))

    assert (len({one.key for one in understood.parsed}), understood.quarantined) == (5_000, ())


def test_events_that_together_become_too_much_are_set_aside_from_there_on() -> None:
    ids = [samples.DOUGLAS[:10] + f"{number:05d}" for number in range(900)]
    events = [
        change_event(recordIds=ids, transactionKey=f"t{number}") | {"Note__c": "x" * 6_000} for number in range(5)
    ]

    understood = understand(events)

    assert len(understood.parsed) == 2 * 900
    assert [one.reason for one in understood.quarantined] == ["too_many_records"] * 3
    assert [json.loads(one.body) for one in understood.quarantined] == events[2:]


def test_whatever_follows_what_was_too_much_is_set_aside_unread() -> None:
    ids = [f"{number:05d}*" for number in range(60_000)]

    assert reasons([change_event(recordIds=ids), change_event()]) == ["too_many_records"] * 2


def test_parts_that_are_not_understood_count_as_well() -> None:
    malformed = change_event(recordIds=["no id", samples.DOUGLAS] * 200) | {"Note__c": "x" * 20_000}

    understood = understand([malformed] * 10)

    assert {one.reason for one in understood.quarantined} == {"malformed_id", "too_many_records"}
    assert sum(len(one.body) for one in understood.quarantined) < 16 * 1024 * 1024


def test_an_event_of_tens_of_thousands_of_records_is_set_aside_whole() -> None:
    ids = [f"{number:05d}*" for number in range(60_000)]

    assert reasons(change_event(recordIds=ids)) == ["too_many_records"]


def test_a_former_record_that_many_follow_is_not_repeated_without_end() -> None:
    former = {"Id": samples.DOUGLAS, "Note__c": "x" * 500_000}
    callout = {"new": [{"Id": samples.DOUGLAS, "Number__c": number} for number in range(500)], "old": [former]}

    assert reasons(callout) == ["too_many_records"]


def test_a_bulk_trigger_of_two_hundred_wide_records_is_one_record_each() -> None:
    wide = {f"Custom_{number}__c": "x" for number in range(40)}
    records = [wide | {"Id": samples.DOUGLAS[:12] + f"{number:03d}"} for number in range(200)]

    understood = understand({"new": records, "old": records})

    assert (len(understood.parsed), understood.quarantined) == (200, ())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_json"),
        (b"not json", "not_json"),
        (rb'{"new": [{"Id": "\u0000"}]}', "nul_character"),
        (b'{"ChangeEventHeader": {}, "Name": ' + b"[" * 300 + b"]" * 300 + b"}", "too_deep"),
        (7, "unknown_shape"),
        ("text", "unknown_shape"),
        ({}, "unknown_shape"),
        ([], "unknown_shape"),
        ({"new": 7}, "unknown_shape"),
        ({"new": [], "old": []}, "unknown_shape"),
        ({"new": [{"Id": "no id"}]}, "malformed_id"),
        ({"new": [{}]}, "malformed_id"),
        ({"new": [{"Id": "a0X5e0000000001AAA"}]}, "unknown_object"),
        ({"new": [{"Id": samples.DOUGLAS, "SystemModstamp": "soon"}]}, "malformed_time"),
        ({"ChangeEventHeader": 7}, "malformed_header"),
        ([1] * 1_001, "too_many_records"),
    ],
)
def test_what_is_not_understood_is_set_aside_with_its_reason(value: Any, reason: str) -> None:
    assert reasons(value) == [reason]


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (b"{", ""),
        (7, ""),
        ({"canary": 1}, ""),
        ({"data": {"payload": {"canary": 1}}}, "/data/payload"),
        ({"new": 7}, "/new"),
        ({"new": [{"Id": "no id"}]}, "/new/0/Id"),
        ({"payload": {"Id": "no id"}}, "/payload/Id"),
        ({"old": [{"Id": samples.DOUGLAS, "SystemModstamp": "soon"}]}, "/old/0/SystemModstamp"),
        ({"new": [{"Id": samples.DOUGLAS, "attributes": {"type": 7}}]}, "/new/0/attributes/type"),
        ({"detail": {"payload": {"ChangeEventHeader": 7}}}, "/detail/payload/ChangeEventHeader"),
        (change_event(entityName=7), "/ChangeEventHeader/entityName"),
        (change_event(sequenceNumber="1"), "/ChangeEventHeader/sequenceNumber"),
        (change_event(commitTimestamp="soon"), "/ChangeEventHeader/commitTimestamp"),
        (change_event(recordIds=[]), "/ChangeEventHeader/recordIds"),
        (change_event(recordIds=["no id"]), "/ChangeEventHeader/recordIds/0"),
    ],
)
def test_b50_what_is_set_aside_says_where_it_is_not_as_documented(value: Any, pointer: str) -> None:
    assert [one.pointer for one in understand(value).quarantined] == [pointer]


def test_b50_a_record_that_is_set_aside_alone_says_where_in_what_is_kept() -> None:
    good, bad = {"Id": samples.DOUGLAS}, {"Id": samples.ACME, "SystemModstamp": "soon"}

    (aside,) = understand({"data": {"new": [good, bad]}}).quarantined

    assert json.loads(aside.body) == {"new": [bad]}
    assert (aside.pointer, aside.why) == ("/new/0/SystemModstamp", "malformed_time: /new/0/SystemModstamp")


def test_in_an_array_only_what_is_not_understood_is_set_aside() -> None:
    understood = understand([change_event(), {"what": "is this"}, change_event(sequenceNumber=2)])

    assert len(understood.parsed) == 2
    assert [json.loads(one.body) for one in understood.quarantined] == [{"what": "is this"}]


def test_in_one_change_event_only_the_id_that_is_none_is_set_aside() -> None:
    understood = understand(change_event(recordIds=[samples.DOUGLAS, "zz"]))

    assert [one.key for one in understood.parsed] == [samples.DOUGLAS]
    (aside,) = understood.quarantined
    assert aside.reason == "malformed_id"
    assert json.loads(aside.body)["ChangeEventHeader"]["recordIds"] == ["zz"]


def test_in_one_apex_callout_only_the_record_that_is_not_understood_is_set_aside() -> None:
    good, bad = {"Id": samples.DOUGLAS, "LastName": "Hunting"}, {"Id": "zz", "LastName": "Who"}

    understood = understand({"new": [good, bad], "old": [bad, good]})

    assert [one.key for one in understood.parsed] == [samples.DOUGLAS]
    assert [json.loads(one.body) for one in understood.quarantined] == [{"new": [bad]}, {"old": [bad]}]


def test_an_old_record_that_no_new_one_follows_is_a_record_of_its_own() -> None:
    new, old = {"Id": samples.DOUGLAS, "LastName": "Hunting"}, {"Id": samples.GERALDINE, "LastName": "Jetzt"}

    first, second = understand({"new": [new], "old": [old]}).parsed

    assert (first.key, json.loads(first.value)["new"], json.loads(first.value)["old"]) == (samples.DOUGLAS, new, None)
    assert (second.key, json.loads(second.value)["new"], json.loads(second.value)["old"]) == (
        samples.GERALDINE,
        None,
        old,
    )


def test_an_old_record_is_found_by_its_short_id_too() -> None:
    old = {"Id": samples.DOUGLAS[:15], "LastName": "Hunter"}

    (parsed,) = understand({"new": [{"Id": samples.DOUGLAS, "LastName": "Hunting"}], "old": [old]}).parsed

    assert json.loads(parsed.value)["old"] == old


def test_what_one_callout_made_of_a_record_and_another_took_away_are_both_kept() -> None:
    record = {"Id": samples.DOUGLAS, "LastName": "Hunting"}

    parsed = understand([{"new": [record]}, {"old": [record]}]).parsed

    assert [json.loads(one.value)["new"] for one in parsed] == [record, None]


def test_two_states_of_one_record_in_one_callout_are_two_events() -> None:
    states = [{"Id": samples.DOUGLAS, "LastName": name} for name in ("Hunting", "Hunter")]

    understood = understand({"new": states})

    assert [json.loads(one.value)["new"]["LastName"] for one in understood.parsed] == ["Hunting", "Hunter"]


def test_the_same_event_twice_in_an_array_is_one_record() -> None:
    assert len(understand([change_event(), change_event()]).parsed) == 1


def test_b49_unknown_fields_and_kinds_are_kept() -> None:
    (parsed,) = understand(change_event(changeType="SOMETHING_NEW", extra=1) | {"Custom__c": "x"}).parsed

    value = json.loads(parsed.value)
    assert value["Custom__c"] == "x"
    assert value["ChangeEventHeader"]["extra"] == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["new", "old", "payload", "data", "detail", "ChangeEventHeader", "recordIds", "Id", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_whatever_the_document_it_is_understood_or_set_aside(value: Any) -> None:
    understood = understand(json.dumps(value).encode("utf-8", "surrogatepass"))

    assert understood.parsed or understood.quarantined


@given(st.binary(max_size=200))
def test_whatever_the_bytes_nothing_else_leaves(body: bytes) -> None:
    understood = understand(body)

    assert understood.parsed or understood.quarantined
