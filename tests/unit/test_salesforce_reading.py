"""The three forms that Salesforce pushes become facts in one normal form."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_sync.models.configuration import OutboundMessage, SalesforceConfig
from customer_sync.rules import normal
from customer_sync.rules.projection import customer_from
from customer_sync.rules.reading import fragment, read
from support import samples
from support.facts import NOON_MS, a_fact, at
from support.notifications import KafkaRecord, notification, salesforce_event_records, salesforce_messages
from synckit import times, versions
from synckit.contracts.headers import LATE
from synckit.errors import PoisonError
from synckit.inbound import Reading
from synckit.mirror.facts import DELETED, Record, Stamp
from synckit.mirror.merge import merge
from synckit.postgres import as_json

ACTION = "04k5e0000000Ct1AAE"
LISTED = SalesforceConfig(
    outbound_messages={ACTION: OutboundMessage(object="Contact", fields=("Id", "FirstName", "LastName", "Email"))}
)
MESSAGE = samples.body("outbound_message_contacts.xml")


def reading(record: KafkaRecord, config: SalesforceConfig = LISTED) -> Reading:
    return read(notification(record), record.key, config)


def change_event(header: dict[str, Any] | None = None, **fields: Any) -> Reading:
    event = samples.document("change_event_contact_update.json")
    event = {"ChangeEventHeader": event["ChangeEventHeader"] | (header or {}), **fields}
    (record,) = salesforce_event_records(samples.dumped(event))
    return reading(record)


def test_a_listed_field_that_a_message_leaves_out_is_null() -> None:
    (fact,) = reading(salesforce_messages(MESSAGE)[0]).facts

    assert fact.fields["Email"] is None
    assert fact.fields["FirstName"] == "Geraldine"
    assert fact.stamp == Stamp(versions.pushed(1_767_348_000_000))
    assert fact.is_snapshot


def test_an_unknown_definition_nulls_nothing_and_is_counted() -> None:
    said = reading(salesforce_messages(MESSAGE)[0], SalesforceConfig())

    assert "Email" not in said.facts[0].fields
    assert said.outcome == "merged_unlisted"


def test_a_definition_is_found_by_the_short_form_of_its_id_too() -> None:
    """As a browser's address shows it."""
    config = SalesforceConfig(outbound_messages={ACTION[:15]: LISTED.outbound_messages[ACTION]})

    assert config.outbound_messages.keys() == {ACTION}
    assert reading(salesforce_messages(MESSAGE)[0], config).outcome == "merged"


def test_a_definition_of_another_object_nulls_nothing() -> None:
    config = SalesforceConfig(outbound_messages={ACTION: OutboundMessage(object="Account", fields=("Name",))})

    assert "Name" not in reading(salesforce_messages(MESSAGE)[0], config).facts[0].fields


def test_a_field_outside_the_list_is_kept() -> None:
    assert reading(salesforce_messages(MESSAGE)[0]).facts[0].fields["Title"] == "Owner"


def test_a_change_event_says_only_what_changed() -> None:
    (record,) = salesforce_event_records(samples.body("change_event_contact_update.json"))

    (fact,) = reading(record).facts

    assert fact.fields == {"LastName": "Younger", "LastModifiedDate": "2026-01-02T10:00:06.000Z"}
    assert not fact.is_snapshot


def test_compound_fields_get_the_flat_names_of_rest() -> None:
    record, _ = salesforce_event_records(samples.body("change_event_cometd.json"))

    fields = reading(record).facts[0].fields

    assert fields["FirstName"] == "Douglas"
    assert fields["MailingStreet"] == "1 Main Street"
    assert fields["MailingLatitude"] == 45.5
    assert "MailingAddress" not in fields


def test_a_compound_field_that_became_null_nulls_its_parts() -> None:
    fields = change_event(MailingAddress=None).facts[0].fields

    assert set(fields) == {f"Mailing{part}" for part in normal.ADDRESS_PARTS}
    assert set(fields.values()) == {None}


def test_an_address_that_is_cleared_as_a_whole_leaves_nothing_in_the_customer() -> None:
    address = {"Street": "1 Main", "City": "Ottawa", "State": "Ontario", "StateCode": "ON", "PostalCode": "K1A 0A2"}
    whole = address | {"Country": "Canada", "CountryCode": "CA", "Latitude": 45.4, "Longitude": -75.7}
    merged = Record(object="Contact", id=samples.DOUGLAS)
    for second, said in enumerate((whole, None)):
        (fact,) = change_event(MailingAddress=said).facts
        merged = merge(merged, [replace(fact, stamp=Stamp(at(second)))]).record
        columns = customer_from(merged, None, LISTED).columns
        assert (columns["mailing_state"], columns["mailing_country"]) == (("ON", "CA") if said else (None, "US"))

    left = {name: value for name, value in columns.items() if name.startswith("mailing_") and value is not None}
    assert left == {"mailing_country": "US"}


WIDE = {"Name": {"FirstName": None, "LastName": "Young"}, "Email": None, "MailingAddress": None, "Title": "Owner"}
"""As Pub/Sub and Apex have an update: every field, and null where nothing changed too."""


@pytest.mark.parametrize(
    ("nulled", "shown"),
    [
        ([], {"LastName": "Young", "Title": "Owner"}),
        (["Email"], {"LastName": "Young", "Title": "Owner", "Email": None}),
        (["Name.FirstName"], {"LastName": "Young", "Title": "Owner", "FirstName": None}),
    ],
)
def test_where_nulled_fields_are_named_no_other_null_is_a_change(nulled: list[str], shown: dict[str, Any]) -> None:
    said = change_event({"nulledFields": nulled}, **WIDE)

    assert said.facts[0].fields == shown
    assert said.hints == ()


def test_an_address_that_is_named_as_nulled_is_cleared_whole() -> None:
    (fact,) = change_event({"nulledFields": ["MailingAddress"]}, **WIDE).facts

    assert {name: fact.fields.get(name, "") for name in ("MailingStreet", "MailingCountryCode", "Email")} == {
        "MailingStreet": None,
        "MailingCountryCode": None,
        "Email": "",
    }


@pytest.mark.parametrize("header", [{"nulledFields": ["0x400800"]}, {"nulledFields": [], "diffFields": ["Title"]}])
def test_what_an_event_does_not_show_is_asked_for(header: dict[str, Any]) -> None:
    said = change_event(header, **WIDE)

    assert "Email" not in said.facts[0].fields
    assert said.facts[0].fields.get("Title") == (None if "diffFields" in header else "Owner")
    assert [hint.reason for hint in said.hints] == ["hidden_change"]


def test_a_deletion_says_nothing_of_the_fields_that_it_shows_as_null() -> None:
    assert change_event({"changeType": "DELETE", "nulledFields": []}, **WIDE).facts[0].fields == {DELETED: True}


def test_deletion_is_a_field_that_delete_sets_and_undelete_clears() -> None:
    deleted = change_event({"changeType": "DELETE"})
    undeleted = change_event({"changeType": "UNDELETE"}, LastName="King")

    assert deleted.facts[0].fields == {DELETED: True}
    assert undeleted.facts[0].fields == {"LastName": "King", DELETED: False}


def test_the_place_in_the_transaction_counts_from_zero() -> None:
    assert change_event({"sequenceNumber": 1}).facts[0].stamp.sequence == 0
    assert change_event({"sequenceNumber": 3}).facts[0].stamp.sequence == 2


@pytest.mark.parametrize(
    ("header", "hint", "record_id"),
    [
        ({"changeType": "GAP_UPDATE"}, "gap_update", samples.DOUGLAS),
        ({"changeType": "GAP_OVERFLOW", "recordIds": ["000000000000000AAA"]}, "gap_overflow", None),
        ({"changeType": "UPDATE", "recordIds": ["003*"]}, "wildcard", None),
        ({"changeType": "SNAPSHOT"}, "unknown_change", samples.DOUGLAS),
    ],
)
def test_what_cannot_be_applied_asks_for_a_read(header: dict[str, Any], hint: str, record_id: str | None) -> None:
    said = change_event(header)

    assert said.facts == ()
    assert [(one.object, one.id, one.reason) for one in said.hints] == [("Contact", record_id, hint)]
    assert said.outcome == "hint"


def test_an_apex_callout_is_a_sparse_snapshot_without_attributes() -> None:
    (record,) = salesforce_event_records(samples.body("apex_callout.json"))

    (fact,) = reading(record).facts

    assert fact.fields["Phone"] == "(503) 555-0100"
    assert fact.fields["SystemModstamp"] == "2026-01-02T10:00:08.000Z"
    assert "attributes" not in fact.fields
    assert fact.is_snapshot


def test_apex_with_only_old_asks_for_a_read() -> None:
    (record,) = salesforce_event_records(samples.dumped({"new": None, "old": [{"Id": samples.DOUGLAS}]}))

    assert [one.reason for one in reading(record).hints] == ["only_old"]


def test_b68_a_notification_without_data_asks_for_a_read() -> None:
    start, end = MESSAGE.index(b"<sf:CreatedDate>"), MESSAGE.index(b"</sObject>")

    said = reading(salesforce_messages(MESSAGE[:start] + MESSAGE[end:])[0])

    assert [one.reason for one in said.hints] == ["without_data"]


def test_objects_that_nobody_needs_are_ignored() -> None:
    assert change_event({"entityName": "Opportunity"}).outcome == "ignored"


@pytest.mark.parametrize("stamp", ["2099-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z", "1998-12-31T23:59:59.000Z"])
def test_b47_b76_a_time_that_cannot_be_is_not_applied_and_asks_for_a_read(stamp: str) -> None:
    body = MESSAGE.replace(b"2026-01-02T10:00:00.000Z", stamp.encode())

    said = reading(salesforce_messages(body, received_at=1_767_348_001_000)[0])

    assert said.facts == ()
    assert [one.reason for one in said.hints] == ["implausible_time"]


def test_a_clock_that_is_a_day_ahead_at_most_is_believed() -> None:
    received_at = 1_767_348_000_000 - 24 * 60 * 60 * 1000
    believed, not_believed = (salesforce_messages(MESSAGE, at)[0] for at in (received_at, received_at - 1))

    assert read(notification(believed), believed.key, LISTED).facts
    assert not read(notification(not_believed), not_believed.key, LISTED).facts


def test_f29_what_a_door_takes_for_the_future_is_believed_where_the_broker_says_that_it_is_now() -> None:
    now = 1_767_348_000_000
    record = salesforce_messages(MESSAGE, received_at=now - 3 * 24 * 60 * 60 * 1000)[0]
    late, right = (notification(replace(record, timestamp=at)) for at in (now - 2 * 24 * 60 * 60 * 1000, now))

    from_the_spool = notification(replace(record, timestamp=now, headers=[*record.headers, LATE]))
    spooled_at = ("ce_spooledat", times.rfc3339(now).encode())
    spooled_by_a_door = notification(replace(record, headers=[*record.headers, LATE, spooled_at]))

    assert not read(late, record.key, LISTED).facts
    assert read(right, record.key, LISTED).facts
    assert not read(from_the_spool, record.key, LISTED).facts, "nobody knows when it was told"
    assert read(spooled_by_a_door, record.key, LISTED).facts


def test_what_was_first_received_long_ago_and_comes_again_is_believed() -> None:
    record = salesforce_messages(MESSAGE)[0]

    assert read(notification(record, received_at=0), record.key, LISTED).facts


def test_a_message_that_names_no_action_nulls_nothing() -> None:
    record = salesforce_messages(MESSAGE.replace(b"<ActionId>04k5e0000000Ct1AAE</ActionId>", b""))[0]

    said = read(notification(record), record.key, LISTED)

    assert said.outcome == "merged_unlisted"
    assert None not in said.facts[0].fields.values()


def test_b74_a_key_that_is_not_the_record_is_poison() -> None:
    record = replace(salesforce_messages(MESSAGE)[0], key=b"0035e00000XXXXXAAA")

    with pytest.raises(PoisonError) as refused:
        reading(record)

    assert refused.value.code == "key_mismatch"


@pytest.mark.parametrize(
    "record",
    [
        salesforce_messages(MESSAGE)[0],
        salesforce_event_records(samples.dumped({"new": [{"Id": samples.DOUGLAS, "LastName": "A"}], "old": None}))[0],
        salesforce_event_records(samples.body("change_event_contact_update.json"))[0],
    ],
)
def test_b74_a_body_about_another_record_than_its_key_is_poison(record: KafkaRecord) -> None:
    assert record.value is not None
    assert record.key is not None
    other = replace(record, value=record.value.replace(record.key, b"0035e00000XXXXXAAA"))

    with pytest.raises(PoisonError) as refused:
        reading(other)

    assert other.value != record.value
    assert refused.value.code == "key_mismatch"


@pytest.mark.parametrize("value", [None, b"", b"[]", b"7", b"{}", b'{"object": "Contact", "fields": {"Id": "x"}}'])
def test_b73_a_value_that_is_none_of_ours_is_poison(value: bytes | None) -> None:
    record = replace(salesforce_messages(MESSAGE)[0], value=value)

    with pytest.raises(PoisonError):
        reading(record)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("true", "boolean", True),
        (False, "boolean", False),
        ("yes", "boolean", "yes"),
        ("45.50", "number", 45.5),
        ("45.0", "number", 45),
        (46.0, "number", 46),
        ("1e400", "number", "1e400"),
        ("NaN", "number", "NaN"),
        ("many", "number", "many"),
        (True, "number", True),
        ([1], "number", [1]),
        ({"a": 1}, "number", {"a": 1}),
        ([1], "boolean", [1]),
        ({"a": 1}, "datetime", {"a": 1}),
        ("2013-05-20T20:49:32.000+0000", "datetime", "2013-05-20T20:49:32.000Z"),
        (1_369_082_972_000, "datetime", "2013-05-20T20:49:32.000Z"),
        ("soon", "datetime", "soon"),
        ("0035e00000Dou01", "id", "0035e00000Dou01AAB"),
        ("no id", "id", "no id"),
        (["0035e00000Dou01"], "id", ["0035e00000Dou01"]),
        (True, "id", True),
        (None, "number", None),
        ("00123", None, "00123"),
    ],
)
def test_values_get_the_json_types_of_rest_and_stay_as_they_came_where_they_cannot(
    value: Any, kind: Any, expected: Any
) -> None:
    result = normal.normal_value(value, kind)

    assert result == expected
    assert type(result) is type(expected)


def test_geolocations_and_nested_records() -> None:
    fields = {"Site__c": {"Latitude": 1.5, "Longitude": 2}, "Account": {"attributes": {}, "Name": "Acme"}}

    assert normal.normal_fields(fields, {}) == {"Site__Latitude__s": 1.5, "Site__Longitude__s": 2}


def test_what_is_no_nested_record_is_a_value_though_it_is_none_of_its_field() -> None:
    nested = {"Account": {"attributes": {}, "Name": "Acme"}, "Cases": {"totalSize": 0, "records": []}}

    assert normal.normal_fields({"Email": {"a": 1}, **nested}, {}) == {"Email": {"a": 1}}


def test_a_geolocation_by_apexs_names_and_one_that_became_null() -> None:
    place = {"Site__Latitude__s": 1.5, "Site__Longitude__s": 2}

    assert normal.normal_fields({"Site__c": {"latitude": 1.5, "longitude": 2}}, {}) == place
    assert normal.normal_fields({"Site__c": None}, {"Site__Latitude__s": "number"}) == dict.fromkeys(place)
    assert normal.normal_fields({"Note__c": None}, {"Site__Latitude__s": "number"}) == {"Note__c": None}


def test_nobody_deletes_by_a_field_that_is_called_as_ours_are() -> None:
    smuggled: dict[str, Any] = {DELETED: True, "$absent": True}

    (fact,) = change_event(None, LastName="Hunting", **smuggled).facts

    assert fact.fields == {"LastName": "Hunting"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted({source.field for sources in LISTED.columns.values() for source in sources} | {"MailingAddress", "Id"})


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8), st.integers(-(2**50), 2**50))
def test_whatever_the_values_they_become_a_fact_a_record_and_a_row_or_our_own_error(
    fields: dict[str, Any], commit_time: int
) -> None:
    event = samples.document("change_event_contact_update.json")["ChangeEventHeader"] | {"commitTimestamp": commit_time}
    body = json.dumps({**fields, "ChangeEventHeader": event}).encode("utf-8", "surrogatepass")

    for record in salesforce_event_records(body):
        with suppress(PoisonError):
            for fact in reading(record).facts:
                merged = merge(Record(object=fact.object, id=fact.id), [fact]).record
                customer = customer_from(merged, None, LISTED)
                as_json([customer.columns, {"fields": merged.fields, "versions": merged.versions}])
                assert customer.source_version < 2**63


def test_a_contact_that_was_never_seen_whole_asks_for_a_read() -> None:
    empty = Record(object="Contact", id=samples.DOUGLAS)

    assert fragment(merge(empty, [a_fact(at(1), Phone="x")])) == ("fragment",)
    assert fragment(merge(empty, [a_fact(at(1), LastName="x")])) == ()
    assert fragment(merge(empty, [a_fact(at(1), **{DELETED: True})])) == ()


def test_received_late_is_received_late() -> None:
    assert notification(salesforce_messages(MESSAGE, NOON_MS)[0], 7).cause.received_at == 7
