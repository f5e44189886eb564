from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.simulators import Json, Received, Subscriber, accept, ended, refuse, simulating, subscribing
from support.waiting import until_true

PHOTOS = "/_simulator/records/photos"


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    async with subscribing() as found:
        yield found


@pytest.fixture
async def companycam(tmp_path: Path, subscriber: Subscriber) -> AsyncIterator[httpx.AsyncClient]:
    """One whose every change is told to the subscriber."""
    async with simulating("companycam", tmp_path) as client:
        await client.post("/_simulator/subscriptions", json={"url": subscriber.url, "scopes": ["*"], "token": "t"})
        yield client


async def misbehaving(client: httpx.AsyncClient, **faults: Json) -> None:
    answer = await client.put("/_simulator/faults", json={"same_second": True, **faults})
    assert answer.status_code == 200


async def made(client: httpx.AsyncClient, count: int) -> list[Json]:
    return list((await client.post(PHOTOS, json=[{} for _ in range(count)])).json()["records"])


def descriptions(requests: list[Received]) -> list[str]:
    return [each.json["payload"]["photo"]["description"] for each in requests]


async def described(client: httpx.AsyncClient, photo: Json, *texts: str) -> None:
    for text in texts:
        await client.patch(f"{PHOTOS}/{photo['id']}", json={"description": text})


async def test_without_faults_a_records_deliveries_come_in_the_order_of_its_changes(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await misbehaving(companycam)
    photos = await made(companycam, 3)
    texts = [str(number) for number in range(30)]
    for text in texts:
        await companycam.patch(PHOTOS, json={"ids": [each["id"] for each in photos], "fields": {"description": text}})

    await ended(companycam, count=93)

    for photo in photos:
        told = [each for each in subscriber.received if each.json["payload"]["photo"]["id"] == photo["id"]]
        assert descriptions(told) == [None, *texts]


async def test_records_are_told_of_at_once_but_one_record_by_one_request_at_a_time(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await misbehaving(companycam, duplicate=1)
    under_way: list[str] = []
    most: dict[str, int] = {"one record": 0, "all": 0}

    async def watch(request: Received) -> tuple[int, bytes]:
        record = request.json["payload"]["photo"]["id"]
        under_way.append(record)
        most["one record"] = max(most["one record"], under_way.count(record))
        most["all"] = max(most["all"], len(under_way))
        async with subscriber.came:
            await subscriber.came.wait_for(lambda: len(subscriber.received) >= 16)
        under_way.remove(record)
        return await accept(request)

    subscriber.answer = watch
    await made(companycam, 50)

    await ended(companycam, count=100)

    assert most == {"one record": 1, "all": 16}


async def test_a_duplicate_is_sent_twice_with_the_same_bytes(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await misbehaving(companycam, duplicate=1)
    await made(companycam, 5)

    deliveries = await ended(companycam, count=10)

    bodies = [each.body for each in subscriber.received]
    assert sorted(bodies) == sorted(list(set(bodies)) * 2)
    assert [each["copy_of"] for each in deliveries] == [None, 1, None, 3, None, 5, None, 7, None, 9]


async def test_a_dropped_delivery_is_never_sent(companycam: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await misbehaving(companycam, drop=0.5, seed=1)
    photos = await made(companycam, 40)

    deliveries = await ended(companycam, count=40)

    sent = {each.json["payload"]["photo"]["id"] for each in subscriber.received}
    dropped = {each["records"][0] for each in deliveries if each["state"] == "dropped"}
    assert 5 < len(dropped) < 35
    assert sent | dropped == {each["id"] for each in photos}
    assert not sent & dropped


async def test_a_delayed_delivery_comes_late_and_holds_nothing_up(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await misbehaving(companycam, delay={"probability": 1, "seconds": 0.5})
    (photo,) = await made(companycam, 1)
    await misbehaving(companycam)
    await described(companycam, photo, "later")

    first, second = await ended(companycam, count=2)

    assert descriptions(subscriber.received) == ["later", None]
    assert first["attempts"][0]["at"] > second["attempts"][0]["at"]


async def test_a_held_delivery_is_overtaken_by_the_next_one_of_its_record(
    companycam: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await misbehaving(companycam)
    (photo,) = await made(companycam, 1)
    await misbehaving(companycam, reorder=1)

    await described(companycam, photo, "1", "2", "3", "4")

    await ended(companycam, count=5)
    assert descriptions(subscriber.received) == [None, "2", "1", "4", "3"]


async def test_the_same_seed_and_changes_give_the_same_faults(tmp_path: Path) -> None:
    fates = []
    for turn in ("first", "second"):
        async with simulating("companycam", tmp_path / turn) as client, subscribing() as subscriber:
            await client.post("/_simulator/subscriptions", json={"url": subscriber.url, "scopes": ["*"], "token": "t"})
            await misbehaving(client, duplicate=0.3, drop=0.3, seed=11)
            await made(client, 30)
            fates.append([(each["records"], each["copy_of"], each["state"]) for each in await ended(client, count=30)])

    assert fates[0] == fates[1]
    assert {state for _, _, state in fates[0]} == {"delivered", "dropped"}


async def test_setting_the_same_faults_again_begins_their_dice_anew(
    companycam: httpx.AsyncClient,
) -> None:
    dropped: list[list[Json]] = []
    for _ in range(2):
        await misbehaving(companycam, drop=0.5, seed=5)
        await made(companycam, 20)
        dropped.append(await ended(companycam, count=20 * (len(dropped) + 1)))

    states = [each["state"] for each in dropped[1]]
    assert states[:20] == states[20:]


async def test_what_waits_is_not_touched_by_later_faults(companycam: httpx.AsyncClient) -> None:
    await misbehaving(companycam, delay={"probability": 1, "seconds": 0.3})
    await made(companycam, 3)
    await misbehaving(companycam, drop=1)

    deliveries = await ended(companycam, count=3)

    assert [each["state"] for each in deliveries] == ["delivered"] * 3
    assert all(before["seq"] < after["seq"] for before, after in pairwise(deliveries))


async def test_a_patient_vendor_never_gives_up(companycam: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await misbehaving(companycam, patient=True)
    subscriber.answer = refuse
    await made(companycam, 30)
    await subscriber.has(60)
    subscriber.answer = accept

    delivered = await ended(companycam, count=30)

    assert {each["state"] for each in delivered} == {"delivered"}


async def test_a_peer_that_dies_in_the_moment_of_connecting_is_one_that_did_not_answer(
    companycam: httpx.AsyncClient, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    post = httpx.AsyncClient.post

    async def dies_first(client: httpx.AsyncClient, url: str, **options: Any) -> httpx.Response:
        tries.append(url)
        if len(tries) == 1:
            raise AttributeError("'NoneType' object has no attribute 'getpeername'")  # as anyio does
        return await post(client, url, **options)

    monkeypatch.setattr(httpx.AsyncClient, "post", dies_first)
    await companycam.put("/_simulator/faults", json={"patient": True})
    asked = await post(companycam, PHOTOS, json=[{}])

    await until_true(lambda: len(subscriber.received) == 1)

    assert asked.is_success
    assert len(tries) == 2
