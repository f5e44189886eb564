from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from support.simulators import Json, simulating

RECORDS = "/_simulator/records"


@pytest.fixture
async def salesforce(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with simulating("salesforce", tmp_path) as client:
        yield client


@pytest.fixture
async def companycam(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with simulating("companycam", tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
async def shared_salesforce(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One for all tests that change nothing."""
    async with simulating("salesforce", tmp_path_factory.mktemp("shared")) as client:
        yield client


async def without_waiting(client: httpx.AsyncClient) -> None:
    """Lets a test change a record several times a second, where stamps are not what it is about."""
    await client.put("/_simulator/faults", json={"same_second": True})


async def made(client: httpx.AsyncClient, object_name: str, body: Json) -> Json:
    answer = await client.post(f"{RECORDS}/{object_name}", json=body)
    assert answer.status_code == 201
    return answer.json()


async def test_a_record_is_made_found_changed_replaced_and_deleted(salesforce: httpx.AsyncClient) -> None:
    await without_waiting(salesforce)
    contact = await made(salesforce, "Contact", {"FirstName": "Ada", "LastName": "King"})
    path = f"{RECORDS}/Contact/{contact['Id']}"

    found = (await salesforce.get(path)).json()
    changed = (await salesforce.patch(path, json={"LastName": "Lovelace"})).json()
    replaced = (await salesforce.put(path, json={"LastName": "Byron"})).json()
    deleted = [(await salesforce.delete(path)).status_code for _ in range(2)]

    assert found == contact
    assert (changed["FirstName"], changed["LastName"]) == ("Ada", "Lovelace")
    assert (replaced["FirstName"], replaced["LastName"]) == (None, "Byron")
    assert deleted == [204, 204]
    assert (await salesforce.get(path)).json()["IsDeleted"] is True


async def test_a_deleted_record_is_not_changed_until_it_is_undeleted(salesforce: httpx.AsyncClient) -> None:
    await without_waiting(salesforce)
    contact = await made(salesforce, "Contact", {"LastName": "King"})
    path = f"{RECORDS}/Contact/{contact['Id']}"
    await salesforce.delete(path)

    refused = await salesforce.patch(path, json={"LastName": "Kong"})
    back = await salesforce.post(f"{path}/undelete")

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert back.json()["IsDeleted"] is False
    assert back.json()["LastName"] == "King"


async def test_many_records_are_made_and_changed_at_one_moment_or_not_at_all(salesforce: httpx.AsyncClient) -> None:
    contacts = (await made(salesforce, "Contact", [{"LastName": f"K{number}"} for number in range(300)]))["records"]
    ids = [each["Id"] for each in contacts]

    answer = await salesforce.patch(f"{RECORDS}/Contact", json={"ids": ids, "fields": {"Title": "Dr."}})
    refused = await salesforce.patch(
        f"{RECORDS}/Contact", json={"ids": [*ids, "003000000000001AAA"], "fields": {"Title": "Mr."}}
    )

    changed = answer.json()["records"]
    assert [each["Id"] for each in changed] == ids
    assert len({each["SystemModstamp"] for each in changed}) == 1
    assert refused.status_code == 404
    assert (await salesforce.get(f"{RECORDS}/Contact/{ids[0]}")).json() == changed[0]


async def test_pages_go_through_all_records_in_the_order_of_their_ids(companycam: httpx.AsyncClient) -> None:
    await without_waiting(companycam)
    photos = (await made(companycam, "photos", [{} for _ in range(25)]))["records"]
    await companycam.delete(f"{RECORDS}/photos/{photos[3]['id']}")

    pages, after = [], ""
    while after is not None:
        page = (await companycam.get(f"{RECORDS}/photos", params={"after": after, "limit": 10})).json()
        pages.append([each["id"] for each in page["records"]])
        after = page["next"]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert [each for page in pages for each in page] == sorted(each["id"] for each in photos)
    assert page["total"] == 25
    left = (await companycam.get(f"{RECORDS}/photos", params={"deleted": "false"})).json()
    assert (left["total"], len(left["records"])) == (24, 24)


async def test_an_id_may_be_chosen_once(salesforce: httpx.AsyncClient) -> None:
    chosen = "0035e000000000Z"

    contact = await made(salesforce, "Contact", {"Id": chosen, "LastName": "King"})

    again = await salesforce.post(f"{RECORDS}/Contact", json=[{"LastName": "A"}, {"Id": chosen, "LastName": "B"}])
    assert contact["Id"] == "0035e000000000ZAAQ"
    assert again.status_code == 409
    assert (await salesforce.get(f"{RECORDS}/Contact")).json()["total"] == 1
    assert (await salesforce.get(f"{RECORDS}/Contact/{chosen}")).json() == contact


async def test_a_made_id_is_never_one_that_was_chosen(companycam: httpx.AsyncClient) -> None:
    first = await made(companycam, "projects", {})
    taken = str(int(first["id"]) + 1)
    await made(companycam, "projects", {"id": taken})

    second, third = (await made(companycam, "projects", [{}, {}]))["records"]

    assert len({first["id"], taken, second["id"], third["id"]}) == 4


async def test_two_changes_of_one_record_never_carry_the_same_second(companycam: httpx.AsyncClient) -> None:
    project = await made(companycam, "projects", {"name": "House"})
    path = f"{RECORDS}/projects/{project['id']}"

    changed = (await companycam.patch(path, json={"name": "Barn"})).json()
    archived = (await companycam.post(f"{path}/archive")).json()

    assert project["updated_at"] < changed["updated_at"] < archived["updated_at"]


async def test_the_fault_same_second_lets_them_carry_it(companycam: httpx.AsyncClient) -> None:
    await without_waiting(companycam)
    project = await made(companycam, "projects", {"name": "House"})
    path = f"{RECORDS}/projects/{project['id']}"

    stamps = [(await companycam.patch(path, json={"name": f"Barn {turn}"})).json()["updated_at"] for turn in range(20)]

    assert len(set(stamps)) < 20


async def test_the_clock_stamps_what_it_is_set_to(salesforce: httpx.AsyncClient) -> None:
    before = await made(salesforce, "Account", {"Name": "Acme"})
    shift = await salesforce.put("/_simulator/clock", json={"shift_seconds": -400 * 86_400})

    after = await made(salesforce, "Account", {"Name": "Acme"})

    assert shift.json()["shift_seconds"] == -400 * 86_400
    assert shift.json()["now"][:4] == after["CreatedDate"][:4]
    assert after["CreatedDate"] < before["CreatedDate"]


async def test_labels_and_tags_are_put_on_once_and_are_the_companys(companycam: httpx.AsyncClient) -> None:
    await without_waiting(companycam)
    first, second = (await made(companycam, "projects", [{}, {}]))["records"]
    paths = [f"{RECORDS}/projects/{each['id']}/labels" for each in (first, second)]

    answers = [await companycam.post(path, json={"display_value": "Exterior"}) for path in (*paths, paths[0])]
    await companycam.post(paths[0], json={"display_value": "Warranty"})

    assert [each.status_code for each in answers] == [201, 201, 200]
    assert len({each.json()["id"] for each in answers}) == 1
    assert answers[0].json()["value"] == "exterior"
    listed = (await companycam.get(paths[0])).json()["labels"]
    assert [each["display_value"] for each in listed] == ["Exterior", "Warranty"]
    unmoved = (await companycam.get(f"{RECORDS}/projects/{first['id']}")).json()
    assert unmoved["updated_at"] == first["updated_at"]


async def test_a_projects_photos_are_counted_while_they_live(companycam: httpx.AsyncClient) -> None:
    await without_waiting(companycam)
    project = await made(companycam, "projects", {})
    photos = (await made(companycam, "photos", [{"project_id": project["id"]}] * 3))["records"]
    await companycam.delete(f"{RECORDS}/photos/{photos[0]['id']}")

    shown = (await companycam.get(f"{RECORDS}/projects/{project['id']}")).json()

    assert shown["photo_count"] == 2


async def test_restore_brings_back_what_was_archived_or_deleted(companycam: httpx.AsyncClient) -> None:
    await without_waiting(companycam)
    project = await made(companycam, "projects", {})
    path = f"{RECORDS}/projects/{project['id']}"

    archived = (await companycam.post(f"{path}/archive")).json()
    await companycam.delete(path)
    restored = (await companycam.post(f"{path}/restore")).json()

    assert (archived["archived"], archived["status"]) == (True, "active")
    assert (restored["archived"], restored["status"]) == (False, "active")


@pytest.mark.parametrize(
    "subscription",
    [
        {
            "kind": "outbound_message",
            "url": "http://127.0.0.1:1/hook",
            "object": "Contact",
            "organization_id": "00D5e000000Pnt1EAC",
            "action_id": "04k5e0000000Ct1AAE",
            "fields": ["Id", "LastName"],
        },
        {"kind": "change_events", "url": "http://127.0.0.1:1/hook", "objects": ["Contact"], "form": "cometd"},
        {"kind": "apex", "url": "http://127.0.0.1:1/hook", "objects": ["Contact"], "secret": "base64:d2hzZWM="},
    ],
    ids=lambda each: each["kind"],
)
async def test_the_same_subscription_twice_is_one(salesforce: httpx.AsyncClient, subscription: Json) -> None:
    first = await salesforce.post("/_simulator/subscriptions", json=subscription)
    second = await salesforce.post("/_simulator/subscriptions", json=subscription)

    other = await salesforce.post("/_simulator/subscriptions", json=subscription | {"url": "http://127.0.0.1:2/"})

    assert [each.status_code for each in (first, second, other)] == [201, 201, 201]
    assert first.json() == second.json()
    assert subscription.items() <= first.json().items()
    assert other.json()["id"] != first.json()["id"]
    listed = (await salesforce.get("/_simulator/subscriptions")).json()["subscriptions"]
    assert listed == [first.json(), other.json()]


async def test_deliveries_are_listed_and_counted_by_subscription(companycam: httpx.AsyncClient) -> None:
    """A demo counts those to its own doors, whoever else listens."""
    told = [{"url": f"http://127.0.0.1:1/{name}", "scopes": ["*"], "token": "whsec"} for name in ("ours", "theirs")]
    ours, theirs = [(await companycam.post("/_simulator/subscriptions", json=one)).json()["id"] for one in told]
    await companycam.post("/_simulator/records/projects", json=[{"name": "One"}, {"name": "Two"}])

    async def found(**params: str) -> tuple[set[str], int]:
        answer = (await companycam.get("/_simulator/deliveries", params=params)).json()
        return {each["subscription"] for each in answer["deliveries"]}, sum(answer["counts"].values())

    assert await found(subscription=ours) == ({ours}, 2)
    assert await found(subscription=f"{ours},{theirs}") == ({ours, theirs}, 4)
    assert await found() == ({ours, theirs}, 4)
    assert await found(subscription="") == (set(), 0)


async def test_an_ended_subscription_is_gone(companycam: httpx.AsyncClient) -> None:
    content = {"url": "http://127.0.0.1:1/hook", "scopes": ["*"], "token": "whsec"}
    subscription = (await companycam.post("/_simulator/subscriptions", json=content)).json()
    path = f"/_simulator/subscriptions/{subscription['id']}"

    ended = [(await companycam.delete(path)).status_code for _ in range(2)]

    assert ended == [204, 404]
    assert (await companycam.get("/_simulator/subscriptions")).json() == {"subscriptions": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "records/Contact", "not JSON"),
        ("POST", "records/Contact", "[]"),
        ("POST", "records/Contact", "7"),
        ("POST", "records/Contact", '[{"LastName": "A"}, 7]'),
        ("POST", "records/Contact", '{"Id": "003"}'),
        ("POST", "records/Contact", '{"Id": 7}'),
        ("POST", "records/Contact", '[{"Id": "003000000000001"}, {"Id": "003000000000001AAA"}]'),
        ("PATCH", "records/Contact", '{"ids": [], "fields": {}}'),
        ("GET", "records/Contact?limit=0", ""),
        ("GET", "records/Contact?limit=1001", ""),
        ("GET", "records/Contact?limit=ten", ""),
        ("GET", "records/Contact?deleted=no", ""),
        ("GET", "records/Contact?limlt=10", ""),
        ("GET", "deliveries?state=lost", ""),
        ("GET", "deliveries?after=-1", ""),
        ("PUT", "faults", '{"duplicate": 1.1}'),
        ("PUT", "faults", '{"dupe": 0.1}'),
        ("PUT", "faults", '{"delay": {"probability": 0.1}}'),
        ("PUT", "faults", '{"drop": "0.5"}'),
        ("PUT", "clock", '{"shift_seconds": 1e12}'),
        ("PUT", "clock", '{"shift_seconds": "1"}'),
        ("POST", "subscriptions", '{"kind": "topic"}'),
        ("POST", "subscriptions", '{"kind": "apex", "url": "ftp://127.0.0.1/", "objects": ["Contact"]}'),
        ("POST", "subscriptions", '{"kind": "apex", "url": "http://h/", "objects": ["Contact"], "secret": "base64:%"}'),
        ("POST", "subscriptions", '{"kind": "apex", "url": "http://h/", "objects": ["Contact"], "bearer": "a b"}'),
        ("POST", "subscriptions", '{"kind": "apex", "url": "http://h/", "objects": []}'),
    ],
)
async def test_a_wrong_request_is_refused_in_words(
    shared_salesforce: httpx.AsyncClient, method: str, path: str, body: str
) -> None:
    answer = await shared_salesforce.request(method, f"/_simulator/{path}", content=body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_input"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "records/Contact/003000000000001AAA", 404),
        ("GET", "records/Contact/nothing", 404),
        ("PATCH", "records/Contact/003000000000001AAA", 404),
        ("POST", "records/Contact/003000000000001AAA/archive", 404),
        ("GET", "records/Con-tact", 404),
        ("GET", "records/Contact/1/2/3", 404),
        ("PUT", "records/Contact", 405),
        ("DELETE", "clock", 405),
        ("GET", "nothing", 404),
    ],
)
async def test_what_is_not_there_is_said_so(
    shared_salesforce: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await shared_salesforce.request(method, f"/_simulator/{path}", json={})

    assert answer.status_code == status


async def test_a_secret_does_not_come_back_in_a_refusal(shared_salesforce: httpx.AsyncClient) -> None:
    wrong = {
        "kind": "apex",
        "url": "http://127.0.0.1:1/",
        "objects": ["-"],
        "bearer": "canary 1",
        "canary_2": "canary 3",
    }

    answer = await shared_salesforce.post("/_simulator/subscriptions", json=wrong)

    assert answer.status_code == 400
    assert "canary" not in answer.text


async def test_faults_are_shown_and_ended(salesforce: httpx.AsyncClient) -> None:
    asked = {"duplicate": 0.5, "delay": {"probability": 0.1, "seconds": 5}, "seed": 7}

    await salesforce.put("/_simulator/faults", json=asked)

    shown = (await salesforce.get("/_simulator/faults")).json()
    await salesforce.delete("/_simulator/faults")
    after = (await salesforce.get("/_simulator/faults")).json()
    assert asked.items() <= shown.items()
    assert (shown["drop"], shown["same_second"]) == (0, False)
    assert (after["duplicate"], after["seed"]) == (0, 0)


async def test_requests_to_the_vendors_api_are_noted_and_steering_is_not(companycam: httpx.AsyncClient) -> None:
    await companycam.get("/v2/webhooks?per_page=1")
    await companycam.get("/_simulator/clock")
    await companycam.post("/v2/nothing")

    calls = (await companycam.get("/_simulator/calls")).json()

    noted = [(each["seq"], each["method"], each["path"], each["status"]) for each in calls["calls"]]
    assert noted == [(1, "GET", "/v2/webhooks", 401), (2, "POST", "/v2/nothing", 302)]
    first = (await companycam.get("/_simulator/calls", params={"limit": 1})).json()
    assert (len(first["calls"]), first["next"]) == (1, 1)


async def test_it_is_ready_alive_and_measured(companycam: httpx.AsyncClient) -> None:
    answers = [await companycam.get(path) for path in ("/healthz", "/readyz", "/metrics")]

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert "paintbox_simulator_waiting_deliveries" in answers[2].text
