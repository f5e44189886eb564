"""What the demo says at the end of a run, to a person and to a machine."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from paintbox.demo import examples, further, report, text
from paintbox.demo.counts import Count, Counts
from paintbox.demo.examples import Example
from paintbox.demo.latency import Latency
from paintbox.demo.proof import Rows
from paintbox.demo.report import Report
from paintbox.world.comparison import Difference, Tally
from paintbox.world.runs import Size
from support.demo import a_run

EQUAL = Tally("photos", expected=3000, equal=3000, different=0, missing=0)
UNEQUAL = Tally("projects", 300, 299, 1, 0, (Difference("projects", "111", "service_latitude", Decimal("40.5"), None),))
EXAMPLES = [Example("customer", "003A", "Ada King"), Example("project", "111", "Fence"), Example("photo", "9", "Front")]


def a_report(**changes: Any) -> Report:
    counts = Counts(
        sent=Count(7000, 7000),
        answered=Count(7000, 7000),
        in_kafka=Count(7100, 7100),
        rows=Count(4300, 4300),
        keys=Count(300, 300),
        held_projects=0,
        held_photos=0,
        pending={"salesforce": 0, "companycam": 0},
        given_up={"salesforce": 0, "companycam": 0},
    )
    whole = Report(
        run=a_run(),
        size=Size(200, 1000, 300, 3000),
        seconds=31.26,
        counts=counts,
        tallies=[EQUAL],
        latencies=[Latency("webhook to row", "from here to there", 7000, 0.1234, 2.5)],
        examples=EXAMPLES,
    )
    return replace(whole, **changes)


def shown(one: Report) -> str:
    output = io.StringIO()
    text.show(Console(file=output, width=200), one, "psql")
    return output.getvalue()


def a_customer(**changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(("mailing_street", "mailing_city", "mailing_state", "mailing_postal_code"), "x")
    names = {"first_name": "Ada", "last_name": "King", "email": "ada@example.com", "phone": None, "company": "Alpine"}
    kinds = {"status": "ACTIVE", "account_type": "COMMERCIAL", "is_deleted": False}
    return {"id": uuid4(), "salesforce_id": "003A", **row, **names, **kinds, **changes}


def a_project(customer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    address = dict.fromkeys(("service_street", "service_city", "service_state", "service_postal_code"), "x")
    row = {"id": uuid4(), "company_cam_id": "111", "customer_id": customer["id"], "name": "Fence", "photo_count": 2}
    return {**row, **address, "status": "PLANNING", **changes}


def a_photo(project: dict[str, Any], **changes: Any) -> dict[str, Any]:
    row = {"company_cam_id": "9", "project_id": project["id"], "url": "https://o", "description": None, "tags": []}
    return {**row, "captured_at": datetime(2026, 10, 3, 14, 12, tzinfo=UTC), **changes}


def chosen(customers: list[Any], projects: list[Any], photos: list[Any]) -> list[Example]:
    rows = Rows(
        customers={str(place): row for place, row in enumerate(customers)},
        projects={str(place): row for place, row in enumerate(projects)},
        photos={str(place): row for place, row in enumerate(photos)},
    )
    return examples.choose(rows)


def test_a_run_is_equal_only_where_everything_of_it_is() -> None:
    assert a_report().is_equal
    assert not a_report(tallies=[EQUAL, UNEQUAL]).is_equal


def test_the_document_for_machines_says_it_all_in_json() -> None:
    run = a_run()

    document = json.loads(json.dumps(report.as_document(a_report(tallies=[EQUAL, UNEQUAL]))))

    assert document["ok"] is False
    assert (document["run"], document["seed"], document["seconds"]) == (run.tag, run.seed, 31.3)
    assert document["made"] == {"accounts": 200, "contacts": 1000, "projects": 300, "photos": 3000}
    assert document["counts"]["deliveries"] == 7000
    assert document["compared"][1] == {"what": "projects", "expected": 300, "equal": 299, "different": 1, "missing": 0}
    assert document["differences"] == [
        {"what": "projects", "record": "111", "column": "service_latitude", "expected": "40.5", "found": None}
    ]
    assert (document["latencies"][0]["p50"], document["latencies"][0]["p99"]) == (0.123, 2.5)
    assert [one["what"] for one in document["examples"]] == ["customer", "project", "photo"]


def test_a_person_reads_the_table_the_percentiles_the_examples_and_the_verdict() -> None:
    said = shown(a_report())

    assert "3,000" in said
    assert "p50 0.12 s, p99 2.50 s of 7,000 (from here to there)" in said
    assert "Ada King" in said
    assert "took 31 s" in said
    assert "; everything is equal" in said


def test_a_difference_is_told_by_record_column_and_both_values() -> None:
    said = shown(a_report(tallies=[UNEQUAL]))

    assert "projects 111, service_latitude: expected 40.5, found None" in said
    assert "; not everything is equal" in said


def test_ten_differences_are_told_of_however_many_there_are() -> None:
    many = replace(UNEQUAL, differences=UNEQUAL.differences * 8)

    assert len(a_report(tallies=[many, many]).differences) == 10


def test_the_examples_hang_together_and_prefer_what_says_most() -> None:
    plain, known = a_customer(company=None), a_customer(last_name="Lovelace")
    dull, bright = a_project(plain), a_project(known, name="Porch")

    found = chosen(
        [plain, known], [dull, bright], [a_photo(dull), a_photo(bright, description="Front", tags=["After", "Prep"])]
    )

    assert [one.what for one in found] == ["customer", "project", "photo"]
    assert "Ada Lovelace of Alpine" in found[0].text
    assert "Porch" in found[1].text
    assert "for Ada Lovelace" in found[1].text
    assert found[2].text == "Front [After, Prep], taken 2026-10-03 14:12 UTC, https://o"


def test_there_are_no_examples_where_no_photo_has_a_project_with_a_customer() -> None:
    customer = a_customer()

    assert chosen([customer], [a_project(a_customer())], []) == []


def test_the_lines_to_look_further_name_this_run_and_its_examples() -> None:
    said = further.text("abc123", EXAMPLES, Path("/checkout/.local/env"), None, None)

    assert "set -a; . /checkout/.local/env; set +a" in said
    assert "'%.abc123.%'" in said
    assert "records/Contact/003A" in said
    assert '"id": "111"' in said
    assert said.endswith("make down\nmake clean\n")


def test_the_lines_are_for_the_stack_that_was_asked_for_whatever_its_name() -> None:
    said = further.text("abc123", EXAMPLES, Path("/a stack/env"), Path("/a stack"), Path("/opt/postgres/bin"))

    assert "set -a; . '/a stack/env'; set +a" in said
    assert 'PATH="$PATH:"/opt/postgres/bin' in said
    assert ".venv/bin/paintbox status --directory '/a stack'" in said
    assert said.endswith(".venv/bin/paintbox clean --directory '/a stack'\n")


def test_without_examples_only_what_needs_none_is_said() -> None:
    said = further.text("abc123", [], Path("/env"), None, None)

    assert "Contact" not in said
    assert "paintbox status" in said
    assert "<" not in said
