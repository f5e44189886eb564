"""What the demo does to its records: enough of everything, and nothing that puts a project's customer in doubt."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paintbox.world.edits import Step, edits, endings
from paintbox.world.making import Made
from paintbox.world.runs import Run, Size
from support.demo import SIZE, Fields, a_made, a_run, meant

SIZES = st.builds(Size, *(st.integers(1, 30),) * 4)


def rounds(run: Run, made: Made) -> list[list[Step]]:
    return [*edits(run, made), *endings(run, made)]


def about(step: Step) -> list[str]:
    """The records that a step is about."""
    body: Any = step.body or {}
    return [str(one) for one in body["ids"]] if "ids" in body else [step.path.split("/")[1]]


def after(records: Sequence[Fields], steps: Iterable[Step]) -> dict[str, dict[str, Any]]:
    """The records as they are after the steps, as far as they change fields."""
    found = {str(one.get("Id") or one["id"]): dict(one) for one in records}
    for step in steps:
        body: Any = step.body or {}
        for record in about(step) if step.method == "PATCH" else ():
            found.get(record, {}).update(body.get("fields") or body)
    return found


@given(size=SIZES, seed=st.integers(0, 1000))
def test_only_records_of_the_run_are_touched_and_in_a_round_each_at_most_once(size: Size, seed: int) -> None:
    run = a_run(seed)
    made = a_made(run, size)

    touched = [[record for step in steps for record in about(step)] for steps in rounds(run, made)]

    assert all(run.owns(record) for records in touched for record in records)
    assert all(len(set(records)) == len(records) for records in touched)


@given(size=SIZES, seed=st.integers(0, 1000))
def test_after_every_edit_a_project_still_means_the_one_contact_that_it_belongs_to(size: Size, seed: int) -> None:
    run = a_run(seed)
    made = a_made(run, size)
    steps = [step for each in rounds(run, made) for step in each]

    contacts, projects = after(made.contacts, steps), after(made.projects, steps)

    found = {key: meant(project, contacts.values()) for key, project in projects.items()}
    assert all(found.values())
    assert found == {key: [{made.owners[key]}] * len(found[key]) for key in found}


@pytest.mark.parametrize("kind", ["accounts", "contacts", "projects", "photos"])
def test_a_fifth_of_everything_is_edited(kind: str) -> None:
    made = a_made()
    records: Sequence[Fields] = getattr(made, kind)

    edited = after(records, edits(a_run(), made)[0])

    before = after(records, [])
    assert 0.1 * len(before) <= sum(edited[key] != before[key] for key in before) <= 0.2 * len(before)


def test_labels_and_tags_are_put_on() -> None:
    put = {step.path.rpartition("/")[2] for step in edits(a_run(), a_made())[1]}

    assert put == {"labels", "tags"}


def test_some_of_what_is_deleted_and_archived_comes_back_and_nothing_else_does() -> None:
    gone, back = endings(a_run(), a_made(size=SIZE))

    ended: defaultdict[str, set[str]] = defaultdict(set)
    for step in gone:
        ended[step.method if step.method == "DELETE" else step.path.rpartition("/")[2]] |= set(about(step))
    undeleted = {record for step in back if step.path.endswith("/undelete") for record in about(step)}
    restored = {record for step in back if step.path.endswith("/restore") for record in about(step)}
    assert not ended["DELETE"] & ended["archive"]
    assert undeleted < ended["DELETE"]
    assert restored < ended["archive"]
