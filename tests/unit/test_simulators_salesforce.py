import hashlib
import hmac
import json
from collections.abc import Mapping
from uuid import UUID

import pytest
from defusedxml.ElementTree import fromstring
from pydantic import JsonValue

from simulators.records import Record
from simulators.salesforce import apex, change_events, definitions, ids, outbound_messages, records, signing
from simulators.salesforce.change_events import Commit
from simulators.salesforce.subscriptions import OutboundMessage
from simulators.vendor import Change, InvalidInputError
from synckit.identity import salesforce_id18

MOMENT = 1_369_082_972_345  # 2013-05-20T20:49:32.345Z
LATER = MOMENT + 5000
CONTACT_ID = "0031I0000081tb0QAA"
ORGANIZATION = "00D1I000003qqqEUAQ"
COMMIT = Commit(UUID(int=7), sequence=1, number=1745500706683617281, replay_id=9, moment=LATER)

ENVELOPE = f"""\
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{ORGANIZATION}</OrganizationId>
   <ActionId>04k1I000000bmsHQAQ</ActionId>
   <SessionId>00D1I000003qqqE!AQ.simulated</SessionId>
   <EnterpriseUrl>https://simulator.my.salesforce.com/services/Soap/c/67.0/00D1I000003qqqE</EnterpriseUrl>
   <PartnerUrl>https://simulator.my.salesforce.com/services/Soap/u/67.0/00D1I000003qqqE</PartnerUrl>
   <Notification>
    <Id>04l1I000000fztEQAQ</Id>
    <sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>{CONTACT_ID}</sf:Id>
     <sf:CreatedDate>2013-05-20T20:49:32.000Z</sf:CreatedDate>
     <sf:DoNotCall>false</sf:DoNotCall>
     <sf:LastName>King &amp; &lt;Co&gt;</sf:LastName>
    </sObject>
   </Notification>
   <Notification>
    <Id>04l1I000000fzt9QAA</Id>
    <sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>0031I0000081tbPQAQ</sf:Id>
    </sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>
"""


def a_contact(**fields: JsonValue) -> Record:
    return records.create("Contact", CONTACT_ID, {"LastName": "King", **fields}, MOMENT)


def a_definition(*fields: str) -> OutboundMessage:
    return OutboundMessage(
        url="http://127.0.0.1/",
        kind="outbound_message",
        object="Contact",
        organization_id=ORGANIZATION,
        action_id="04k1I000000bmsHQAQ",
        fields=fields,
    )


def updated(before: Record, **fields: JsonValue) -> Change:
    return Change("update", before, records.change(before, fields, LATER))


def payload_of(*changes: Change) -> dict[str, JsonValue]:
    (event,) = change_events.events_of(changes)
    return change_events.payload(event, COMMIT)


def header_of(payload: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    header = payload["ChangeEventHeader"]
    assert isinstance(header, dict)
    return header


@pytest.mark.parametrize(
    ("object_name", "prefix"), [("Contact", "003"), ("Account", "001"), ("Lead", "00Q"), ("User", "005")]
)
def test_an_id_has_the_prefix_of_its_object_and_the_right_checksum(object_name: str, prefix: str) -> None:
    made = [ids.record_id(object_name, number) for number in (1, 61, 62, 4_000_000_000)]

    assert all(each.startswith(prefix) and each == salesforce_id18(each[:15]) for each in made)
    assert len(set(made)) == len(made)


def test_a_custom_object_has_an_own_prefix_that_starts_with_a() -> None:
    crews, trucks = ids.record_id("Crew__c", 1), ids.record_id("Truck__c", 1)

    assert crews[0] == trucks[0] == "a"
    assert crews[:3] != trucks[:3]


def test_the_ids_of_the_local_organization_carry_their_checksums() -> None:
    made = [definitions.ORGANIZATION_ID, definitions.USER_ID, *(each.action_id for each in definitions.DEFINITIONS)]

    assert made == [salesforce_id18(each[:15]) for each in made]


def test_the_seeded_definitions_name_their_object_and_all_of_their_fields() -> None:
    seeded = definitions.outbound_messages()

    assert seeded == {
        each.action_id: {"object": each.object, "fields": list(each.fields)}
        for each in (definitions.CONTACT, definitions.ACCOUNT)
    }
    assert all({"Id", "SystemModstamp"} <= set(each.fields) for each in definitions.DEFINITIONS)


def test_a_record_holds_what_was_given_and_what_salesforce_sets() -> None:
    made = a_contact(Email=None)

    assert made.fields == {
        "Id": CONTACT_ID,
        "OwnerId": definitions.USER_ID,
        "LastName": "King",
        "Email": None,
        "IsDeleted": False,
        "CreatedDate": "2013-05-20T20:49:32.000+0000",
        "CreatedById": definitions.USER_ID,
        "LastModifiedDate": "2013-05-20T20:49:32.000+0000",
        "LastModifiedById": definitions.USER_ID,
        "SystemModstamp": "2013-05-20T20:49:32.000+0000",
    }
    assert made.stamped == MOMENT // 1000


def test_replacing_empties_what_is_not_given_but_not_what_salesforce_sets() -> None:
    before = a_contact(Email="ada@example.com", OwnerId="005000000000001AAA")

    after = records.replace(before, {"LastName": "Lovelace"}, LATER)

    assert after.fields["Email"] is None
    assert after.fields["LastName"] == "Lovelace"
    assert after.fields["OwnerId"] == "005000000000001AAA"
    assert after.fields["CreatedDate"] == before.fields["CreatedDate"]
    assert after.fields["SystemModstamp"] == "2013-05-20T20:49:37.000+0000"


def test_what_a_read_gave_can_be_put_back() -> None:
    before = a_contact(Email="ada@example.com")

    after = records.replace(before, before.fields, LATER)

    stamps = {"LastModifiedDate", "SystemModstamp"}
    assert {name for name in after.fields if after.fields[name] != before.fields[name]} == stamps


@pytest.mark.parametrize(
    "given",
    [
        {"SystemModstamp": "2020-01-01T00:00:00.000+0000"},
        {"IsDeleted": True},
        {"Name": "Ada King"},
        {"MailingAddress": {"street": "1 Main"}},
        {"First Name": "Ada"},
        {"LastName": "K\x0bing"},
    ],
    ids=["stamp", "deletion", "computed name", "compound", "field name", "not XML"],
)
def test_what_salesforce_would_not_take_is_refused_without_repeating_it(given: dict[str, JsonValue]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        records.change(a_contact(), given, LATER)

    assert "Ada" not in str(refused.value)
    assert "Main" not in str(refused.value)


def test_an_envelope_has_the_published_shape_and_leaves_out_what_is_empty() -> None:
    record = a_contact(LastName="King & <Co>", Email="", Title=None, DoNotCall=False)
    definition = a_definition("Id", "Title", "LastName", "Email", "DoNotCall", "CreatedDate")

    sent = outbound_messages.envelope(
        definition, [("04l1I000000fztEQAQ", record.fields), ("04l1I000000fzt9QAA", {"Id": "0031I0000081tbPQAQ"})]
    )

    assert sent.decode() == ENVELOPE


@pytest.mark.parametrize("text", ["a\r\nb\tc", "]]>", "é🎨", "{0} %s", "  both  "])
def test_a_text_comes_out_of_the_envelope_as_it_went_in(text: str) -> None:
    sent = outbound_messages.envelope(
        a_definition("LastName"), [("04l1I000000fztEQAQ", a_contact(LastName=text).fields)]
    )

    found = fromstring(sent).find(".//{urn:sobject.enterprise.soap.sforce.com}LastName")
    assert found is not None
    assert found.text == text


def test_of_a_record_that_is_deleted_or_gone_only_the_id_is_left_to_tell() -> None:
    record = a_contact()

    assert outbound_messages.told_of(CONTACT_ID, record) == record.fields
    assert outbound_messages.told_of(CONTACT_ID, records.delete(record, LATER)) == {"Id": CONTACT_ID}
    assert outbound_messages.told_of(CONTACT_ID, None) == {"Id": CONTACT_ID}


@pytest.mark.parametrize(
    ("status", "ack", "counts"),
    [
        (200, "<Ack>true</Ack>", True),
        (200, "<Ack>1</Ack>", True),
        (200, "<Ack>false</Ack>", False),
        (200, "", False),
        (202, "<Ack>true</Ack>", False),
        (500, "<Ack>true</Ack>", False),
    ],
)
def test_only_200_with_a_true_ack_counts(status: int, ack: str, counts: bool) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound">{ack}</notificationsResponse>'
        "</s:Body></s:Envelope>"
    )

    assert outbound_messages.is_acknowledged(status, body.encode()) is counts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b'{"Ack": true}',
        b"<Ack>true</Ack>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<?xml version="1.0" encoding="utf-99"?><a/>',
        b'<?xml version="1.0" encoding="big5"?><a/>',
    ],
)
def test_an_answer_that_is_no_acknowledgement_does_not_count(body: bytes) -> None:
    assert not outbound_messages.is_acknowledged(200, body)


def test_an_update_event_carries_what_changed_with_compounds_nested() -> None:
    before = a_contact(FirstName="Ada", MailingCity="Lincoln", Email="ada@example.com")

    payload = payload_of(updated(before, LastName="Lovelace", MailingCity="Omaha", MailingStreet="1 Main", Email=None))

    header = header_of(payload)
    assert payload == {
        "ChangeEventHeader": header,
        "LastModifiedDate": "2013-05-20T20:49:37.000Z",
        "Email": None,
        "Name": {"LastName": "Lovelace"},
        "MailingAddress": {"City": "Omaha", "Street": "1 Main"},
    }
    changed = header.pop("changedFields")
    assert isinstance(changed, list)
    assert set(map(str, changed)) == {
        "LastModifiedDate",
        "Email",
        "Name.LastName",
        "MailingAddress.City",
        "MailingAddress.Street",
    }
    assert header == {
        "entityName": "Contact",
        "recordIds": [CONTACT_ID],
        "changeType": "UPDATE",
        "changeOrigin": "com/salesforce/api/rest/67.0;client=Simulator/",
        "transactionKey": "00000000-0000-0000-0000-000000000007",
        "sequenceNumber": 1,
        "commitTimestamp": LATER,
        "commitNumber": 1745500706683617281,
        "commitUser": definitions.USER_ID,
    }


@pytest.mark.parametrize("action", ["create", "undelete"])
def test_a_created_or_undeleted_record_comes_whole_without_what_is_empty(action: str) -> None:
    payload = payload_of(Change(action, None, a_contact(Email=None, Salutation="Ms.")))

    assert header_of(payload)["changedFields"] == []
    assert payload == {
        "ChangeEventHeader": payload["ChangeEventHeader"],
        "OwnerId": definitions.USER_ID,
        "CreatedDate": "2013-05-20T20:49:32.000Z",
        "CreatedById": definitions.USER_ID,
        "LastModifiedDate": "2013-05-20T20:49:32.000Z",
        "LastModifiedById": definitions.USER_ID,
        "Name": {"LastName": "King", "Salutation": "Ms."},
    }


def test_a_deletion_is_a_header_and_nothing_else() -> None:
    before = a_contact()

    payload = payload_of(Change("delete", before, records.delete(before, LATER)))

    assert list(payload) == ["ChangeEventHeader"]
    assert header_of(payload)["changeType"] == "DELETE"


def test_the_same_change_of_several_records_is_one_event_and_another_change_is_another() -> None:
    first, second = a_contact(), records.create("Contact", "0031I0000081tbPQAQ", {"LastName": "Black"}, MOMENT)
    third = records.create("Contact", "003000000000001AAA", {"LastName": "White", "Title": "Dr."}, MOMENT)

    events = change_events.events_of([updated(each, Title="Dr.") for each in (first, second, third)])

    assert [each.records for each in events] == [(first.id, second.id), (third.id,)]
    assert list(events[1].fields) == ["LastModifiedDate"]


def test_the_created_records_of_one_transaction_are_events_of_their_own() -> None:
    first, second = a_contact(), records.create("Contact", "0031I0000081tbPQAQ", {"LastName": "King"}, MOMENT)

    events = change_events.events_of([Change("create", None, each) for each in (first, second)])

    assert [each.records for each in events] == [(first.id,), (second.id,)]


def test_an_accounts_name_is_no_compound_and_a_leads_address_has_no_prefix() -> None:
    account = records.create("Account", "001000000000001AAA", {"Name": "Acme", "BillingCity": "Lincoln"}, MOMENT)
    lead = records.create("Lead", "00Q000000000001AAA", {"LastName": "King", "City": "Omaha"}, MOMENT)

    told = [payload_of(Change("create", None, each)) for each in (account, lead)]

    assert (told[0]["Name"], told[0]["BillingAddress"]) == ("Acme", {"City": "Lincoln"})
    assert (told[1]["Name"], told[1]["Address"]) == ({"LastName": "King"}, {"City": "Omaha"})


def test_both_envelopes_of_change_events_carry_the_same_payload() -> None:
    (event,) = change_events.events_of([Change("create", None, a_contact())])

    cometd = json.loads(change_events.cometd(event, COMMIT))
    relayed = json.loads(change_events.event_relay(event, COMMIT, ORGANIZATION))

    assert cometd["channel"] == "/data/ContactChangeEvent"
    assert set(cometd["data"]) == {"schema", "payload", "event"}
    assert cometd["data"]["event"] == {"replayId": 9}
    assert relayed["detail-type"] == "ContactChangeEvent"
    assert relayed["source"] == f"aws.partner/salesforce.com/{ORGANIZATION}/ChangeEvents"
    assert relayed["detail"] == {"payload": cometd["data"]["payload"]}
    assert str(UUID(relayed["id"])) == relayed["id"]


def test_the_event_of_a_custom_object_loses_its_c() -> None:
    assert change_events.event_name("Crew__c") == "Crew__ChangeEvent"
    assert change_events.event_name("Contact") == "ContactChangeEvent"


def test_an_apex_callout_has_the_records_after_and_before() -> None:
    before = a_contact(Email="ada@example.com")

    told = json.loads(apex.body([updated(before, Email=None)]))

    assert set(told) == {"new", "old", "userId"}
    assert told["new"][0]["attributes"]["type"] == "Contact"
    assert (told["new"][0]["Email"], told["old"][0]["Email"]) == (None, "ada@example.com")
    assert told["new"][0]["SystemModstamp"] == "2013-05-20T20:49:37.000+0000"


@pytest.mark.parametrize(("action", "new", "old"), [("create", 1, 0), ("delete", 0, 1), ("undelete", 1, 0)])
def test_an_apex_callout_has_no_new_records_of_a_deletion_and_no_old_ones_else(action: str, new: int, old: int) -> None:
    before = None if action == "create" else a_contact()

    told = json.loads(apex.body([Change(action, before, a_contact())]))

    assert (len(told["new"]), len(told["old"])) == (new, old)


def test_a_trigger_is_called_with_two_hundred_records_at_once() -> None:
    changes = [Change("create", None, a_contact())] * 450

    assert [len(batch) for batch in apex.batches(changes)] == [200, 200, 50]


def test_a_signature_covers_timestamp_dot_body() -> None:
    expected = hmac.new(b"whsec", b'1790000000.{"a":1}', hashlib.sha256).hexdigest()

    assert signing.signature("whsec", 1790000000, b'{"a":1}') == f"sha256={expected}"
    assert signing.signature("base64:d2hzZWM=", 1790000000, b'{"a":1}') == f"sha256={expected}"


def test_headers_show_what_the_subscription_was_given_to_show() -> None:
    signed = signing.headers("whsec", None, 1790000000.9, b"{}")
    carried = signing.headers(None, "token", 1790000000.9, b"{}")

    assert signed["X-Salesforce-Timestamp"] == "1790000000"
    assert signed["X-Salesforce-Signature"] == signing.signature("whsec", 1790000000, b"{}")
    assert "Authorization" not in signed
    assert carried == {"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer token"}
