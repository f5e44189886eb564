"""The demo's records: always the same for a seed, and without doubt about whose a project is."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from paintbox.world import telephones
from paintbox.world.making import Made
from paintbox.world.runs import Run, Size
from paintbox.world.towns import TOWNS
from support.demo import NOON, a_made, a_run, digits, meant

EVERY_NUMBER = frozenset(telephones.e164(town, line) for town in TOWNS for line in range(10_000))


def all_records(made: Made) -> list[dict[str, Any]]:
    return [dict(one) for one in (*made.accounts, *made.contacts, *made.projects, *made.photos)]


def without_tag(made: Made, run: Run) -> list[str]:
    texts = (str(record).casefold() for record in all_records(made))
    return [text.replace(run.tag, "tag").replace(run.companycam_place(""), "place") for text in texts]


def test_a_seed_makes_the_same_records_again_under_another_tag() -> None:
    first, second = a_run(now_ms=NOON), a_run(now_ms=NOON + 1)

    made, again = a_made(first), a_made(second)

    assert first.tag != second.tag
    assert without_tag(made, first) == without_tag(again, second)


def test_another_seed_makes_other_records() -> None:
    one, other = a_run(seed=1), a_run(seed=2)

    assert without_tag(a_made(one), one) != without_tag(a_made(other), other)


def test_every_record_is_told_from_those_of_other_runs_by_its_id() -> None:
    run, other = a_run(seed=1), a_run(seed=2)

    ids = [record.get("Id") or record["id"] for record in all_records(a_made(run))]

    assert len(set(ids)) == len(ids)
    assert all(run.owns(one) and not other.owns(one) for one in ids)


def test_every_email_address_carries_the_tag_and_is_nobodys() -> None:
    run = a_run()

    addresses = [str(contact["Email"]) for contact in a_made(run).contacts if "Email" in contact]

    assert len({address.lower() for address in addresses}) == len(addresses)
    assert all(f".{run.tag}." in address for address in addresses)
    assert {address.partition("@")[2] for address in addresses} <= {"example.com", "example.net", "example.org"}


def test_every_address_lies_in_a_town_with_its_state_and_a_postal_code_of_its_own() -> None:
    known = {(town.city, town.state, code) for town in TOWNS for code in town.postal_codes}

    made = a_made()

    sites: list[Any] = [project["address"] for project in made.projects]
    assert {(one["city"], one["state"], one["postal_code"]) for one in sites} <= known
    mailed = [one for one in made.contacts if "MailingCity" in one]
    assert {(one["MailingCity"], one["MailingState"], one["MailingPostalCode"]) for one in mailed} <= known


def test_projects_name_their_customers_in_every_way() -> None:
    bases = Counter(a_made().bases.values())

    assert bases["email"] > bases["relation_id"] > bases["phone"] > 0


@given(size=st.builds(Size, *(st.integers(1, 30),) * 4), seed=st.integers(0, 1000))
def test_each_project_means_the_one_contact_that_it_belongs_to(size: Size, seed: int) -> None:
    made = a_made(a_run(seed), size)

    found = {str(project["id"]): meant(project, made.contacts) for project in made.projects}

    assert all(found.values())
    assert found == {project: [{owner}] * len(found[project]) for project, owner in made.owners.items()}


def test_a_number_that_a_customer_can_be_found_by_already_names_no_other() -> None:
    taken = frozenset(f"+1{digits(str(one['Phone']))}" for one in a_made().contacts if "Phone" in one)

    made = a_made(taken=taken)

    people: list[Any] = [project["primary_contact"] or {} for project in made.projects]
    named = {f"+1{digits(one['phone_number'])}" for one in people if one.get("phone_number")}
    assert named
    assert not named & taken


def test_where_every_number_is_taken_nobody_is_named_by_one() -> None:
    made = a_made(taken=EVERY_NUMBER)

    assert set(made.bases.values()) == {"email", "relation_id"}
