import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from simulators.salesforce.definitions import CONTACT, ORGANIZATION_ID
from support.simulators import ACK, Json, Received, Subscriber, accept, ended, refuse, simulating, subscribing

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
SOBJECT = "{urn:sobject.enterprise.soap.sforce.com}"
SECRET = "whsec-simulators"


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    async with subscribing() as found:
        yield found


@pytest.fixture
async def salesforce(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One that does not make a test wait for the next second."""
    async with simulating("salesforce", tmp_path) as client:
        await client.put("/_simulator/faults", json={"same_second": True})
        yield client


async def subscribed(client: httpx.AsyncClient, **content: Json) -> None:
    answer = await client.post("/_simulator/subscriptions", json=content)
    assert answer.status_code == 201


async def subscribed_to_messages(client: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await subscribed(
        client,
        kind="outbound_message",
        url=subscriber.url,
        object="Contact",
        organization_id=ORGANIZATION_ID,
        action_id=CONTACT.action_id,
        fields=["LastName", "Title", "SystemModstamp"],
    )


async def made(client: httpx.AsyncClient, object_name: str, body: Json) -> Json:
    return (await client.post(f"/_simulator/records/{object_name}", json=body)).json()


async def changed(client: httpx.AsyncClient, record: Json, **fields: Json) -> None:
    await client.patch(f"/_simulator/records/Contact/{record['Id']}", json=fields)


def notifications_of(request: Received) -> list[Element]:
    return list(fromstring(request.body).iter(f"{OUTBOUND}Notification"))


def text_of(notification: Element, path: str) -> str | None:
    return notification.findtext(f"{OUTBOUND}sObject/{SOBJECT}{path}")


async def test_a_changed_record_is_told_of_by_soap_until_it_is_acknowledged(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed_to_messages(salesforce, subscriber)
    answers = iter([(200, b"OK"), (200, ACK.replace(b"true", b"false")), (500, ACK), (200, ACK)])

    async def take_turns(_: Received) -> tuple[int, bytes]:
        return next(answers)

    subscriber.answer = take_turns
    contact = await made(salesforce, "Contact", {"LastName": "King", "Title": None})

    (delivery,) = await ended(salesforce, count=1)

    requests = await subscriber.has(4)
    assert [each["status"] for each in delivery["attempts"]] == [200, 200, 500, 200]
    assert [each["error"] for each in delivery["attempts"]] == ["refused", "refused", "refused", None]
    assert delivery["state"] == "delivered"
    assert len({each.body for each in requests}) == 1
    assert requests[0].headers["content-type"].startswith("text/xml")
    assert delivery["body"].encode() == requests[0].body
    (notification,) = notifications_of(requests[0])
    assert text_of(notification, "Id") == contact["Id"]
    assert text_of(notification, "LastName") == "King"
    assert text_of(notification, "Title") is None


async def test_what_a_refusal_says_of_when_to_try_again_is_kept_and_not_heeded(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed_to_messages(salesforce, subscriber)
    answers = iter([refuse, accept])

    async def take_turns(request: Received) -> tuple[int, bytes]:
        return await next(answers)(request)

    subscriber.answer = take_turns
    await made(salesforce, "Contact", {"LastName": "King"})

    (delivery,) = await ended(salesforce, count=1)

    assert [each["retry_after"] for each in delivery["attempts"]] == ["7", None]


async def test_an_envelope_carries_up_to_a_hundred_notifications(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed_to_messages(salesforce, subscriber)
    contacts = await made(salesforce, "Contact", [{"LastName": f"K{number}"} for number in range(250)])

    deliveries = await ended(salesforce, count=250)

    requests = await subscriber.has(3)
    told = [each for request in requests for each in notifications_of(request)]
    assert sorted(len(notifications_of(each)) for each in requests) == [50, 100, 100]
    assert {text_of(each, "Id") for each in told} == {each["Id"] for each in contacts["records"]}
    assert len({each.findtext(f"{OUTBOUND}Id") for each in told}) == 250
    assert {each["state"] for each in deliveries} == {"delivered"}


async def test_a_retry_carries_what_the_record_has_become_and_a_change_is_told_of_by_its_own_notification(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed_to_messages(salesforce, subscriber)
    subscriber.answer = refuse
    contact = await made(salesforce, "Contact", {"LastName": "King"})
    await subscriber.has(1)
    await changed(salesforce, contact, LastName="Lovelace")
    subscriber.answer = accept

    await ended(salesforce, count=2)

    told = [each for request in subscriber.received for each in notifications_of(request)]
    names = [(each.findtext(f"{OUTBOUND}Id"), text_of(each, "LastName")) for each in told]
    first, second = sorted({notification for notification, _ in names if notification})
    assert names[0] == (first, "King")
    assert (first, "Lovelace") in names
    assert (second, "Lovelace") in names
    assert (second, "King") not in names


async def test_a_deletion_is_not_told_of_and_leaves_only_the_id_in_what_waits(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed_to_messages(salesforce, subscriber)
    subscriber.answer = refuse
    contact = await made(salesforce, "Contact", {"LastName": "King"})
    await subscriber.has(1)
    await salesforce.delete(f"/_simulator/records/Contact/{contact['Id']}")
    subscriber.answer = accept

    deliveries = await ended(salesforce, count=1)

    (notification,) = notifications_of(subscriber.received[-1])
    assert len(deliveries) == 1
    assert notification.findtext(f"{OUTBOUND}Id")
    data = notification.find(f"{OUTBOUND}sObject")
    assert data is not None
    assert [(each.tag, each.text) for each in data] == [(f"{SOBJECT}Id", contact["Id"])]


async def test_change_events_are_signed_and_come_in_the_order_of_the_changes(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed(
        salesforce, kind="change_events", url=subscriber.url, objects=["Contact"], form="cometd", secret=SECRET
    )
    contact = await made(salesforce, "Contact", {"LastName": "King"})
    await made(salesforce, "Account", {"Name": "not subscribed to"})
    await changed(salesforce, contact, LastName="Lovelace")
    path = f"/_simulator/records/Contact/{contact['Id']}"
    await salesforce.delete(path)
    await salesforce.post(f"{path}/undelete")

    requests = await subscriber.has(4)

    payloads = [each.json["data"]["payload"] for each in requests]
    headers = [each["ChangeEventHeader"] for each in payloads]
    assert [each["changeType"] for each in headers] == ["CREATE", "UPDATE", "DELETE", "UNDELETE"]
    assert [each["recordIds"] for each in headers] == [[contact["Id"]]] * 4
    assert payloads[1]["Name"] == {"LastName": "Lovelace"}
    assert len({each["transactionKey"] for each in headers}) == 4
    assert sorted(each["commitNumber"] for each in headers) == [each["commitNumber"] for each in headers]
    assert headers[0]["commitNumber"] > 2**53
    replays = [each.json["data"]["event"]["replayId"] for each in requests]
    assert replays == sorted(set(replays))
    for each in requests:
        signed = each.headers["x-salesforce-timestamp"].encode() + b"." + each.body
        mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert each.headers["x-salesforce-signature"] == f"sha256={mac}"


async def test_a_change_of_many_records_is_one_transaction_and_one_merged_event(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed(
        salesforce, kind="change_events", url=subscriber.url, objects=["Contact"], form="event_relay", bearer="token"
    )
    contacts = (await made(salesforce, "Contact", [{"LastName": f"K{number}"} for number in range(3)]))["records"]
    ids = [each["Id"] for each in contacts]
    await subscriber.has(3)
    await salesforce.patch("/_simulator/records/Contact", json={"ids": ids, "fields": {"Title": "Dr."}})

    requests = await subscriber.has(4)

    headers = [each.json["detail"]["payload"]["ChangeEventHeader"] for each in requests]
    assert sorted((each["sequenceNumber"], *each["recordIds"]) for each in headers[:3]) == [
        (1, ids[0]),
        (2, ids[1]),
        (3, ids[2]),
    ]
    assert len({each["transactionKey"] for each in headers[:3]}) == 1
    assert (headers[3]["changeType"], headers[3]["recordIds"]) == ("UPDATE", ids)
    assert {each.headers["authorization"] for each in requests} == {"Bearer token"}
    assert all("x-salesforce-signature" not in each.headers for each in requests)


async def test_any_2xx_ends_an_event_and_anything_else_brings_the_same_bytes_again(
    salesforce: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed(salesforce, kind="change_events", url=subscriber.url, objects=["Contact"], form="cometd")
    answers = iter([302, 404, 503, 202])

    async def take_turns(_: Received) -> tuple[int, bytes]:
        return next(answers), b""

    subscriber.answer = take_turns
    await made(salesforce, "Contact", {"LastName": "King"})

    (delivery,) = await ended(salesforce, count=1)

    assert [each["status"] for each in delivery["attempts"]] == [302, 404, 503, 202]
    assert delivery["state"] == "delivered"
    assert {each.body.decode() for each in subscriber.received} == {delivery["body"]}


async def test_a_lost_apex_callout_is_lost(salesforce: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await subscribed(salesforce, kind="apex", url=subscriber.url, objects=["Contact"], secret=SECRET)
    contact = await made(salesforce, "Contact", {"LastName": "King"})
    await subscriber.has(1)
    subscriber.answer = refuse
    await changed(salesforce, contact, LastName="Lovelace")

    deliveries = await ended(salesforce, count=2)

    assert [(each["event"], each["state"]) for each in deliveries] == [("insert", "delivered"), ("update", "failed")]
    told = [json.loads(each["body"]) for each in deliveries]
    assert [each["LastName"] for each in told[1]["new"] + told[1]["old"]] == ["Lovelace", "King"]
    assert len(subscriber.received) == 2


async def test_a_subscriber_that_is_away_is_tried_again_and_shown_as_unanswered(
    salesforce: httpx.AsyncClient,
) -> None:
    async with subscribing() as away:
        await subscribed(salesforce, kind="change_events", url=away.url, objects=["Contact"], form="cometd")
    contact = await made(salesforce, "Contact", {"LastName": "King"})

    shown: Json = {"attempts": []}
    while len(shown["attempts"]) < 3:
        listed = await salesforce.get("/_simulator/deliveries", params={"record": contact["Id"], "state": "pending"})
        (shown,) = listed.json()["deliveries"]

    assert {(each["status"], each["error"]) for each in shown["attempts"]} == {(None, "ConnectError")}
