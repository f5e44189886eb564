"""The traffic of a proof is a function of its seed, and leaves no doubt about what must come of it."""

import json
import re
from itertools import pairwise

import pytest

from paintbox.commands import prove
from paintbox.prove import traffic
from paintbox.prove.checks import secret
from paintbox.prove.checks.published import STEP
from paintbox.world import steering
from support.demo import NOON
from synckit.mirror import notes


def test_the_same_seed_makes_the_same_traffic() -> None:
    assert traffic.plan(3, 0.5, NOON) == traffic.plan(3, 0.5, NOON)
    assert traffic.plan(3, 0.5, NOON) != traffic.plan(4, 0.5, NOON)


def test_acts_come_in_the_order_of_time_and_end_in_time() -> None:
    acts = traffic.plan(3, 1, NOON).acts

    assert all(one.at_seconds <= other.at_seconds for one, other in pairwise(acts))
    assert acts[-1].at_seconds < 60


def test_every_wave_that_begins_makes_all_its_records() -> None:
    acts = traffic.plan(3, 0.5, NOON).acts

    made = [act for act in acts if act.phase == 0 and act.wave != traffic.COUNTED]
    waves = {act.wave for act in made}
    assert len(made) == len(waves) * len([act for act in made if act.wave == 0])


def test_a_proof_that_is_long_enough_has_an_account_of_more_contacts_than_a_batch_projects() -> None:
    planned = traffic.plan(3, 3, NOON)
    crowd = [act for act in planned.acts if act.wave == traffic.CROWD_RUN]
    contacts = [one for act in crowd if act.path == "Contact" for one in act.body]  # type: ignore[attr-defined]
    edits = [act for act in crowd if act.method == "PATCH"]

    assert len({one["Id"] for one in contacts}) == len(contacts) == traffic.CROWD > notes.SLICE
    assert {f"Account/{one['AccountId']}" for one in contacts} == {act.path for act in edits}
    assert not {"Phone", "MobilePhone"} & {name for one in contacts for name in one}
    assert len(edits) == 8
    assert max(act.at_seconds for act in crowd if act.phase == 0) < edits[0].at_seconds
    assert not [act for act in traffic.plan(3, 1, NOON).acts if act.wave == traffic.CROWD_RUN]


def test_no_wave_of_the_longest_proof_has_the_number_of_the_crowd() -> None:
    assert traffic.CROWD_RUN > prove.MOST_MINUTES * 60 / traffic.WAVE_SECONDS


def test_a_customer_and_a_project_are_counted_up_faster_than_deliveries_are_late() -> None:
    counted = [act for act in traffic.plan(3, 0.5, NOON).acts if act.wave == traffic.COUNTED]

    edits = [act for act in counted if act.method == "PATCH"]
    names = [str(name).split() for act in edits for name in act.body.values()]  # type: ignore[attr-defined] # of fields
    assert len({act.path for act in edits}) == 2
    assert names == [[STEP, str(number)] for number in range(1, 15) for _ in range(2)]
    assert steering.FAULTS["delay"]["seconds"] > traffic.STEP_SECONDS


def test_customers_whom_projects_name_are_not_deleted() -> None:
    acts = traffic.plan(3, 1, NOON).acts

    deleted = {act.path.split("/")[1] for act in acts if act.method == "DELETE" and act.path.startswith("Contact/")}
    made = [project for act in acts if act.path == "projects" for project in act.body]  # type: ignore[attr-defined] # of records
    related = {one["relation_id"][:15] for project in made for one in project["integrations"]}
    assert deleted
    assert not {one[:15] for one in deleted} & related


@pytest.mark.parametrize("vendor", ["salesforce", "companycam"])
def test_there_are_canaries_of_every_kind_in_what_either_vendor_tells(vendor: str) -> None:
    planned = traffic.plan(3, 0.5, NOON)

    told = json.dumps([act.body for act in planned.acts if act.vendor == vendor]).encode()
    assert {one.kind for one in secret.sightings(planned.canaries, vendor, told)} == {
        "a customer's name",
        "an e-mail address",
        "a telephone number",
    }


def test_whatever_a_project_says_of_its_customer_is_a_leak_as_typed_and_as_stored() -> None:
    planned = traffic.plan(3, 0.5, NOON)
    projects = [
        project
        for act in planned.acts
        if (act.method, act.path) == ("POST", "projects")
        for project in act.body  # type: ignore[attr-defined] # of records
    ]
    people = [project["primary_contact"] for project in projects if project["primary_contact"]]
    mails = [one["email"] for one in people if one["email"]]
    numbers = [one["phone_number"] for one in people if one["phone_number"]]
    stored = ["+1" + "".join(filter(str.isdecimal, number))[-10:] for number in numbers]
    named = [text for one in projects if "Quillfeather" in one["name"] for text in (one["name"], one["name"].upper())]

    assert {"Quillfeather" in one["name"] for one in people} == {True, False}
    assert len({project["name"].split(":")[0] for project in projects if "Quillfeather" in project["name"]}) > 3
    for text in (*mails, *map(str.lower, mails), *numbers, *stored, *named):
        assert secret.sightings(planned.canaries, "log", f'{{"who": "{text}"}}'.encode()), text


def test_nothing_that_a_log_holds_anyway_is_a_canary() -> None:
    planned = traffic.plan(3, 0.5, NOON)
    made = [one for act in planned.acts if act.phase == 0 for one in act.body]  # type: ignore[attr-defined] # of records
    ids = [str(one.get("Id") or one["id"]) for one in made]
    numbers = [digits for one in made for digits in re.findall(r"\d+", str(one.get("Phone", "")))]

    held = " ".join([*ids, *numbers, "4025550143", "14025550143", "2026-11-22T15:55:01.402555Z"]).encode()
    assert secret.sightings(planned.canaries, "log", held) == []


def test_the_record_whose_story_is_searched_holds_canaries() -> None:
    planned = traffic.plan(3, 0.2, NOON)

    made = [one for act in planned.acts if (act.method, act.path) == ("POST", "Contact") for one in act.body]  # type: ignore[attr-defined] # of records
    (traced,) = [one for one in made if one["Id"] == planned.traced]
    assert {traced["FirstName"], traced["LastName"]} <= {canary.text for canary in planned.canaries}
