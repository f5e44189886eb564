"""The loop as a whole: what the simulators push stands as rows, and what one service says the other has applied."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from support.local_stack import LocalStack
from support.vendors import Vendors
from synckit.identity import customer_id, photo_id, project_id


@pytest.fixture
async def vendors(stack: LocalStack, http: httpx.AsyncClient) -> AsyncIterator[Vendors]:
    both = Vendors(stack, http)
    yield both
    await both.heal()


async def test_a_project_finds_its_customer_and_both_services_know(vendors: Vendors) -> None:
    project = await vendors.project()
    photo = await vendors.photo(project, description="North wall")
    contact = await vendors.contact(FirstName="Douglas", MailingCountry="United States")

    customer = await vendors.row("CUSTOMERS", "SELECT * FROM customers.customers WHERE salesforce_id = $1", contact)
    row = await vendors.row(
        "PROJECTS", "SELECT * FROM projects.projects WHERE company_cam_id = $1 AND photo_count = 1", project
    )
    picture = await vendors.row("PROJECTS", "SELECT * FROM projects.project_photos WHERE company_cam_id = $1", photo)
    ours = await vendors.row(
        "PROJECTS", "SELECT * FROM projects.federation_keys WHERE local_id = $1", project_id(project)
    )
    theirs = await vendors.row(
        "CUSTOMERS", "SELECT * FROM customers.federation_keys WHERE external_id = $1", str(project_id(project))
    )
    fact = await vendors.row(
        "CUSTOMERS", "SELECT * FROM customers.project_facts WHERE project_id = $1", project_id(project)
    )
    assert customer["id"] == customer_id(contact)
    assert row["customer_id"] == customer["id"]
    assert (picture["id"], picture["description"]) == (photo_id(photo), "North wall")
    assert (ours["external_id"], ours["is_owner"]) == (str(customer["id"]), True)
    assert (theirs["local_id"], theirs["is_owner"]) == (customer["id"], False)
    assert theirs["created_at"].replace(microsecond=0) == ours["created_at"].replace(microsecond=0)
    assert fact["customer_id"] == customer["id"]


async def test_edits_under_duplicated_reordered_and_delayed_deliveries_end_with_the_last(vendors: Vendors) -> None:
    await vendors.faults(duplicate=0.5, reorder=0.5, delay={"probability": 0.3, "seconds": 1}, seed=7)
    account = (await vendors.post("SALESFORCE_URL", "records/Account", {"Name": "Acme"}))["Id"]
    contact = await vendors.contact(AccountId=account)

    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Doug", "Phone": "503-555-0199"})
    await vendors.patch("SALESFORCE_URL", f"records/Account/{account}", {"Name": "Acme & Sons"})
    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Douglas", "Phone": None})

    row = await vendors.row(
        "CUSTOMERS",
        """
        SELECT * FROM customers.customers
         WHERE salesforce_id = $1 AND first_name = 'Douglas' AND company = 'Acme & Sons' AND phone IS NULL
        """,
        contact,
    )
    assert row["status"] == "PROSPECT"


async def test_a_deleted_contact_and_its_return(vendors: Vendors) -> None:
    contact = await vendors.contact()
    query = "SELECT * FROM customers.customers WHERE salesforce_id = $1 AND (deleted_at IS NOT NULL) = $2"
    await vendors.row("CUSTOMERS", query, contact, False)

    await vendors.delete("SALESFORCE_URL", f"records/Contact/{contact}")
    await vendors.row("CUSTOMERS", query, contact, True)
    await vendors.post("SALESFORCE_URL", f"records/Contact/{contact}/undelete", {})

    assert (await vendors.row("CUSTOMERS", query, contact, False))["last_name"] == "Hunting"


async def test_an_archived_project_a_label_and_a_tag(vendors: Vendors) -> None:
    contact = await vendors.contact()
    project = await vendors.project()
    photo = await vendors.photo(project)

    await vendors.post("COMPANYCAM_URL", f"records/photos/{photo}/tags", {"display_value": "Before"})
    await vendors.post("COMPANYCAM_URL", f"records/projects/{project}/labels", {"display_value": "Showcase"})
    await vendors.post("COMPANYCAM_URL", f"records/projects/{project}/archive", {})

    archived = "SELECT * FROM projects.projects WHERE company_cam_id = $1 AND status = 'ARCHIVED'"
    tagged = "SELECT * FROM projects.project_photos WHERE company_cam_id = $1 AND tags = ARRAY['Before']"
    assert (await vendors.row("PROJECTS", archived, project))["customer_id"] == customer_id(contact)
    assert (await vendors.row("PROJECTS", tagged, photo))["sync_status"] == "SYNCED"


async def test_references_are_answered_by_their_owners(
    vendors: Vendors, stack: LocalStack, http: httpx.AsyncClient
) -> None:
    contact = await vendors.contact()
    await vendors.row("CUSTOMERS", "SELECT 1 FROM customers.customers WHERE salesforce_id = $1", contact)
    bearer = {"Authorization": f"Bearer {stack['SERVICE_TOKENS'].split(',')[0]}"}
    asked = [
        {"table": "customers", "id": str(customer_id(contact))},
        {"table": "customers", "id": str(UUID(int=1))},
        {"table": "customers", "id": "no uuid"},
        {"table": "secrets", "id": str(UUID(int=1))},
    ]

    answer = await http.post(
        stack["CUSTOMER_SYNC_URL"] + "/federation/references:check", json={"references": asked}, headers=bearer
    )

    found = answer.json()["results"]
    assert [(one["table"], one["id"], one["exists"]) for one in found] == [
        (one["table"], one["id"], at == 0) for at, one in enumerate(asked)
    ]
    assert found[0] == asked[0] | {"exists": True, "deleted": False, "merged_into": None}
    assert ["error" in one for one in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b'{"references": 7}', 422),
        (json.dumps({"references": [{"table": "x"}, 7, {"table": "customers", "id": 7}]}).encode(), 200),
        (json.dumps({"references": [{"table": "customers", "id": "x"}] * 1_001}).encode(), 422),
        (json.dumps({"references": []}).encode(), 200),
    ],
    ids=["empty", "a list", "no list", "no references", "too many", "none"],
)
async def test_questions_that_make_no_sense(
    stack: LocalStack, http: httpx.AsyncClient, body: bytes, status: int
) -> None:
    bearer = {"Authorization": f"Bearer {stack['SERVICE_TOKENS'].split(',')[0]}"}

    for owner in ("CUSTOMER_SYNC_URL", "PHOTO_SYNC_URL"):
        answer = await http.post(stack[owner] + "/federation/references:check", content=body, headers=bearer)

        assert answer.status_code == status


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic x", "Bearer"])
async def test_b28_references_are_not_for_everybody(
    stack: LocalStack, http: httpx.AsyncClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await http.post(stack["PHOTO_SYNC_URL"] + "/federation/references:check", content=b"{}", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_no_secret_and_nobody_stands_in_a_log_or_a_metric(
    vendors: Vendors, stack: LocalStack, http: httpx.AsyncClient
) -> None:
    canary = f"canary{vendors.tag}"
    contact = await vendors.contact(
        FirstName=canary, LastName=canary, Email=f"{canary}@example.com", Phone=f"call {canary}", MailingCountry=canary
    )
    project = await vendors.project(
        name=canary, primary_contact={"name": canary, "email": f"{canary}@example.com"}, notepad=canary
    )
    await vendors.row("CUSTOMERS", "SELECT 1 FROM customers.customers WHERE salesforce_id = $1", contact)
    await vendors.row("PROJECTS", "SELECT 1 FROM projects.projects WHERE company_cam_id = $1", project)

    secrets = [
        secret
        for name, value in stack.environment.items()
        if name.endswith(("_TOKENS", "_SECRETS"))
        for secret in value.split(",")
    ]
    secrets += [
        value.partition("://")[2].partition("@")[0].partition(":")[2]
        for name, value in stack.environment.items()
        if name.endswith("_DSN")
    ]
    seen = stack.logs()
    for name in ("INGEST", "WEBHOOK_LOG", "CUSTOMER_SYNC", "PHOTO_SYNC"):
        seen += (await http.get(stack[f"{name}_URL"] + "/metrics")).text
    found = [secret for secret in (canary, *filter(None, secrets)) if secret in seen]
    assert len(secrets) >= 9
    assert found == []
