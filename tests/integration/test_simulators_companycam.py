import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from support.simulators import Json, Received, Subscriber, accept, ended, refuse, simulating, subscribing

TOKEN = "whsec-test-token"
ACCESS = {"Authorization": "Bearer any"}


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    async with subscribing() as found:
        yield found


@pytest.fixture
async def companycam(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One that does not make a test wait for the next second."""
    async with simulating("companycam", tmp_path) as client:
        await client.put("/_simulator/faults", json={"same_second": True})
        yield client


async def subscribed(client: httpx.AsyncClient, subscriber: Subscriber, *scopes: str) -> Json:
    content = {"url": subscriber.url, "scopes": scopes or ["*"], "token": TOKEN, "enabled": True}
    return (await client.post("/_simulator/subscriptions", json=content)).json()


async def made(client: httpx.AsyncClient, kind: str, body: Json) -> Json:
    return (await client.post(f"/_simulator/records/{kind}", json=body)).json()


async def test_a_webhook_carries_the_record_under_its_name_and_is_signed(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    webhook = await subscribed(companycam, subscriber)
    project = await made(companycam, "projects", {"name": "House", "address": {"city": "Lincoln"}})

    (request,) = await subscriber.has(1)

    assert request.json == {
        "event_type": "project.created",
        "created_at": project["created_at"],
        "payload": {"project": project},
        "webhook_id": int(webhook["id"]),
    }
    mac = hmac.new(TOKEN.encode(), request.body, hashlib.sha1).digest()
    assert request.headers["x-companycam-signature"] == base64.b64encode(mac).decode()
    assert request.headers["content-type"] == "application/json"


async def test_labels_and_tags_come_beside_their_record_and_a_known_one_is_not_told_of(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed(companycam, subscriber, "project.label_added", "photo.tag_added")
    project = await made(companycam, "projects", {})
    photo = await made(companycam, "photos", {"project_id": project["id"]})
    label = f"/_simulator/records/projects/{project['id']}/labels"
    await companycam.post(label, json={"display_value": "Exterior"})
    await companycam.post(label, json={"display_value": "exterior"})
    await companycam.post(f"/_simulator/records/photos/{photo['id']}/tags", json={"display_value": "Before"})

    deliveries = await ended(companycam, count=2)

    told = [json.loads(each["body"]) for each in deliveries]
    assert [each["event_type"] for each in told] == ["project.label_added", "photo.tag_added"]
    assert told[0]["payload"]["project"] == project | {"photo_count": 1}
    assert told[0]["payload"]["label"]["display_value"] == "Exterior"
    assert told[0]["payload"]["label"]["tag_type"] == "project"
    assert told[1]["payload"]["photo"] == photo
    assert told[1]["payload"]["tag"]["value"] == "before"


async def test_a_deleted_photo_is_not_told_of(companycam: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await subscribed(companycam, subscriber)
    photo = await made(companycam, "photos", {})

    await companycam.delete(f"/_simulator/records/photos/{photo['id']}")

    deliveries = await ended(companycam, count=1)
    assert [each["event"] for each in deliveries] == ["photo.created"]


@pytest.mark.parametrize("kind", ["comments", "documents", "todo_lists", "photos"])
async def test_a_record_may_have_a_field_of_another_kind_or_lack_one_of_its_own(
    companycam: httpx.AsyncClient, kind: str
) -> None:
    record = await made(companycam, kind, {"completed_at": None, "processing_status": None})
    path = f"/_simulator/records/{kind}/{record['id']}"

    changed = await companycam.patch(path, json={"completed_at": 5, "processing_status": "failed"})
    replaced = await companycam.put(path, json={"content": "b"})

    assert (changed.status_code, replaced.status_code) == (200, 200)


async def test_only_exactly_200_ends_a_delivery_and_a_retry_has_the_same_bytes(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscribed(companycam, subscriber)
    answers = iter([201, 202, 204, 301, 500, 200])

    async def take_turns(_: Received) -> tuple[int, bytes]:
        return next(answers), b""

    subscriber.answer = take_turns
    await made(companycam, "projects", {})

    (delivery,) = await ended(companycam, count=1)

    assert [each["status"] for each in delivery["attempts"]] == [201, 202, 204, 301, 500, 200]
    assert delivery["state"] == "delivered"
    assert len({each.body for each in subscriber.received}) == 1


async def test_the_fault_restamp_gives_a_retry_the_time_of_its_sending(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await companycam.put("/_simulator/faults", json={"restamp": True})
    await companycam.put("/_simulator/clock", json={"shift_seconds": -86_400})
    await subscribed(companycam, subscriber)
    subscriber.answer = refuse
    project = await made(companycam, "projects", {})
    await subscriber.has(1)
    subscriber.answer = accept

    (delivery,) = await ended(companycam, count=1)

    first, last = subscriber.received[0], subscriber.received[-1]
    assert first.json["created_at"] == project["created_at"]
    assert last.json["created_at"] >= project["created_at"] + 86_400
    assert last.json["payload"] == first.json["payload"]
    assert delivery["body"].encode() == last.body
    assert dict.fromkeys([*delivery["earlier_bodies"], delivery["body"]]) == dict.fromkeys(
        each.body.decode() for each in subscriber.received
    )
    assert delivery["sha256"] == hashlib.sha256(last.body).hexdigest()


async def test_a_delivery_is_given_up_after_ten_tries(tmp_path: Path, subscriber: Subscriber) -> None:
    subscriber.answer = refuse
    async with simulating("companycam", tmp_path, simulator_retry_seconds=0.001) as companycam:
        await subscribed(companycam, subscriber)
        await made(companycam, "projects", {})

        (delivery,) = await ended(companycam, count=1)

    assert len(delivery["attempts"]) == 10
    assert delivery["state"] == "failed"


async def test_more_than_25_errors_disable_a_webhook_until_it_is_enabled_again(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    webhook = await subscribed(companycam, subscriber)
    subscriber.answer = refuse
    await made(companycam, "photos", [{} for _ in range(40)])
    lost = await ended(companycam, count=40)
    (disabled,) = (await companycam.get("/_simulator/subscriptions")).json()["subscriptions"]
    await made(companycam, "photos", {})
    subscriber.answer = accept

    path = f"/v2/webhooks/{webhook['id']}"
    enabled = await companycam.put(path, json={"enabled": True}, headers=ACCESS)

    photo = await made(companycam, "photos", {})
    told = (await ended(companycam, count=41))[40:]
    assert disabled["enabled"] is False
    assert disabled["errors"] > 25
    assert {each["state"] for each in lost} == {"failed"}
    assert sum(len(each["attempts"]) for each in lost) == disabled["errors"]
    assert (enabled.status_code, enabled.json()["enabled"]) == (201, True)
    assert [(each["records"], each["state"]) for each in told] == [([photo["id"]], "delivered")]


async def test_a_success_forgets_the_errors(companycam: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await subscribed(companycam, subscriber)
    refused: set[bytes] = set()

    async def refuse_once(request: Received) -> tuple[int, bytes]:
        if request.body in refused:
            return 200, b""
        refused.add(request.body)
        return 500, b""

    subscriber.answer = refuse_once
    for _ in range(4):
        await made(companycam, "photos", [{} for _ in range(10)])
        deliveries = await ended(companycam, count=1)
        assert {each["state"] for each in deliveries} == {"delivered"}

    (webhook,) = (await companycam.get("/_simulator/subscriptions")).json()["subscriptions"]

    assert (webhook["enabled"], webhook["errors"]) == (True, 0)
    assert len(refused) == 40


async def test_the_same_subscription_again_brings_a_disabled_webhook_back(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    first = await subscribed(companycam, subscriber)
    await companycam.put(f"/v2/webhooks/{first['id']}", json={"enabled": False}, headers=ACCESS)
    await made(companycam, "projects", {})

    again = await subscribed(companycam, subscriber)

    await made(companycam, "projects", {})
    (delivery,) = await ended(companycam, count=1)
    assert (again["id"], again["enabled"]) == (first["id"], True)
    assert delivery["state"] == "delivered"


async def test_what_waits_for_an_ended_webhook_fails(companycam: httpx.AsyncClient, subscriber: Subscriber) -> None:
    webhook = await subscribed(companycam, subscriber)
    subscriber.answer = refuse
    await made(companycam, "projects", {})
    await subscriber.has(1)

    await companycam.delete(f"/v2/webhooks/{webhook['id']}", headers=ACCESS)

    (delivery,) = await ended(companycam, count=1)
    assert delivery["state"] == "failed"


async def test_the_vendors_own_api_registers_reads_changes_and_ends_webhooks(companycam: httpx.AsyncClient) -> None:
    content = {"url": "http://127.0.0.1:1/hook", "scopes": ["photo.*"], "token": TOKEN, "enabled": True}

    first, second = [await companycam.post("/v2/webhooks", json=content, headers=ACCESS) for _ in range(2)]
    path = f"/v2/webhooks/{first.json()['id']}"
    changed = await companycam.put(path, json={"scopes": ["project.*"]}, headers=ACCESS)
    found = await companycam.get(path, headers=ACCESS)
    ended_one = await companycam.delete(path, headers=ACCESS)
    listed = await companycam.get("/v2/webhooks", headers=ACCESS)

    assert [each.status_code for each in (first, second, changed, found, ended_one, listed)] == [
        201,
        201,
        201,
        200,
        204,
        200,
    ]
    assert set(first.json()) == {"id", "company_id", "url", "scopes", "token", "enabled", "created_at", "updated_at"}
    assert content.items() <= first.json().items()
    assert first.json()["id"].isdecimal()
    assert first.json()["id"] != second.json()["id"]
    assert (changed.json()["scopes"], changed.json()["url"]) == (["project.*"], content["url"])
    assert listed.json() == [second.json()]


async def test_the_vendors_own_api_answers_errors_as_it_does(companycam: httpx.AsyncClient) -> None:
    anonymous = await companycam.get("/v2/webhooks")
    unknown = await companycam.get("/v2/webhooks/1", headers=ACCESS)
    wrong = await companycam.post("/v2/webhooks", json={"url": "nowhere"}, headers=ACCESS)
    elsewhere = await companycam.get("/v2/nothing", headers=ACCESS)

    assert (anonymous.status_code, anonymous.json()) == (401, {"errors": ["Unauthorized"]})
    assert (unknown.status_code, unknown.json()) == (404, {"errors": ["Record not found"]})
    assert (wrong.status_code, wrong.json()) == (400, {"errors": ["Bad Request"]})
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (302, "/users/sign_in")
    page = await companycam.get("/users/sign_in")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_where_access_tokens_are_set_no_other_is_accepted(tmp_path: Path) -> None:
    token = "a" * 32
    async with simulating("companycam", tmp_path, simulator_access_tokens=token) as companycam:
        statuses = [
            (await companycam.get("/v2/webhooks", headers={"Authorization": f"Bearer {given}"})).status_code
            for given in (token, "b" * 32)
        ]

    assert statuses == [200, 401]
