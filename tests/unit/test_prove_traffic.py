"""The traffic of a proof is a function of its seed, and leaves no doubt about what must come of it."""

from itertools import pairwise

from paintbox.prove import traffic
from support.demo import NOON


def test_the_same_seed_makes_the_same_traffic() -> None:
    assert traffic.plan(3, 0.5, NOON) == traffic.plan(3, 0.5, NOON)
    assert traffic.plan(3, 0.5, NOON) != traffic.plan(4, 0.5, NOON)


def test_acts_come_in_the_order_of_time_and_end_in_time() -> None:
    acts = traffic.plan(3, 1, NOON).acts

    assert all(one.at_seconds <= other.at_seconds for one, other in pairwise(acts))
    assert acts[-1].at_seconds < 60


def test_every_wave_that_begins_makes_all_its_records() -> None:
    acts = traffic.plan(3, 0.5, NOON).acts

    made = [act for act in acts if act.phase == 0]
    waves = {act.wave for act in made}
    assert len(made) == len(waves) * len([act for act in made if act.wave == 0])


def test_customers_whom_projects_name_are_not_deleted() -> None:
    acts = traffic.plan(3, 1, NOON).acts

    deleted = {act.path.split("/")[1] for act in acts if act.method == "DELETE" and act.path.startswith("Contact/")}
    made = [project for act in acts if act.path == "projects" for project in act.body]  # type: ignore[attr-defined] # of records
    related = {one["relation_id"][:15] for project in made for one in project["integrations"]}
    assert deleted
    assert not {one[:15] for one in deleted} & related


def test_there_are_canaries_of_every_kind() -> None:
    kinds = {canary.kind for canary in traffic.plan(3, 0.2, NOON).canaries}

    assert kinds == {"a customer's name", "an e-mail address", "a telephone number"}


def test_the_record_whose_story_is_searched_holds_canaries() -> None:
    planned = traffic.plan(3, 0.2, NOON)

    made = [one for act in planned.acts if (act.method, act.path) == ("POST", "Contact") for one in act.body]  # type: ignore[attr-defined] # of records
    (traced,) = [one for one in made if one["Id"] == planned.traced]
    assert {canary.text for canary in planned.canaries} & {traced["LastName"], traced.get("Email")}
