"""What is committed is published, in order, and kept by the others: each check finds what is not so."""

from uuid import UUID

import pytest

from paintbox.prove.checks import published
from paintbox.prove.dump import Published
from paintbox.prove.verdicts import State
from support.proof import (
    ONE,
    TOPIC,
    TWO,
    a_customer_log,
    a_doubted,
    a_record,
    a_request,
    an_entity,
    an_erasure,
    subjects,
    unreadable_record,
)

KEY = "projects/projects/1/customers/customers/2"


def test_a_row_whose_version_is_in_its_topic_is_published() -> None:
    verdict = published.every_row_is_published("customers", [an_entity()], [a_record(version=4), a_record()])

    assert verdict.state is State.HELD


def test_a_row_whose_version_is_not_in_its_topic_is_not() -> None:
    verdict = published.every_row_is_published("customers", [an_entity()], [a_record(version=4)])

    assert subjects(verdict) == ["k"]


def test_a_version_that_was_committed_once_must_be_published_even_if_a_newer_one_is() -> None:
    logs = [a_customer_log(version=4), a_customer_log(UUID(int=3), version=5)]

    verdict = published.every_committed_version_is_published(logs, [a_record(str(TWO), 5)])

    assert (verdict.checked, subjects(verdict)) == (2, [str(TWO)])


def test_versions_of_a_key_rise() -> None:
    assert published.nothing_goes_backwards([a_record(version=4), a_record(version=5, offset=1)]).state is State.HELD


def test_an_older_version_after_a_newer_one_is_found() -> None:
    verdict = published.nothing_goes_backwards([a_record(version=5), a_record(version=4, offset=1)])

    assert subjects(verdict) == ["k"]


def versions(*numbers: int) -> list[Published]:
    return [a_record(version=number, offset=offset) for offset, number in enumerate(numbers)]


@pytest.mark.parametrize("published_versions", [(1, 2, 1, 2), (1, 2, 1, 2, 3), (1, 1), (1, 2, 2, 3), (1, 2, 1, 1, 2)])
def test_a_round_may_be_published_once_more_in_order_and_to_its_end(published_versions: tuple[int, ...]) -> None:
    verdict = published.nothing_goes_backwards(versions(*published_versions))

    assert verdict.state is State.HELD
    assert "once more" in verdict.note


@pytest.mark.parametrize("published_versions", [(1, 2, 1), (1, 2, 3, 1, 3), (1, 2, 1, 3), (2, 1), (1, 3, 2, 3)])
def test_an_older_state_that_is_no_whole_repetition_is_found(published_versions: tuple[int, ...]) -> None:
    assert "k" in subjects(published.nothing_goes_backwards(versions(*published_versions)))


def test_a_key_in_two_partitions_is_found() -> None:
    verdict = published.nothing_goes_backwards([a_record(version=4), a_record(version=5, partition=1)])

    assert subjects(verdict) == ["k"]


def test_a_repetition_that_says_something_else_is_found() -> None:
    records = [a_record(version=5), a_record(version=5, offset=1, name="Wall"), a_record(version=6, offset=2)]

    assert subjects(published.nothing_goes_backwards(records)) == ["k"]


def test_an_erasure_is_found_and_versions_do_not_begin_anew() -> None:
    records = [a_record(version=5), an_erasure(), a_record(version=3, offset=2)]

    assert [one.what for one in published.nothing_goes_backwards(records).violations] == [
        f"{TOPIC}/0@1 erases it",
        f"{TOPIC}/0@2 has version 3 after 5",
    ]


def test_a_record_that_cannot_be_read_is_found_and_erases_nothing() -> None:
    records = [a_record(version=5), unreadable_record(), a_record(version=4, offset=2)]

    verdict = published.every_record_is_readable(records)

    assert published.every_record_is_readable(records[:1]).state is State.HELD
    assert published.every_record_is_readable([]).state is State.NOTHING_CHECKED
    assert [one.what for one in verdict.violations] == [f"has a record at {TOPIC}/0@1 whose value cannot be read"]
    assert subjects(published.nothing_goes_backwards(records)) == ["k"]
    assert published.compacted([a_record(), unreadable_record()]).keys() == {"k"}


def steps(*numbers: int) -> list[Published]:
    return [
        a_record(version=at, offset=at, first_name=f"{published.STEP} {number}") for at, number in enumerate(numbers)
    ]


def test_an_older_fact_under_a_newer_version_is_found_though_a_newer_one_follows() -> None:
    verdict = published.what_counts_up_never_falls(steps(1, 2, 1, 3))

    assert [(one.subject, one.what) for one in verdict.violations] == [
        ("k", "is at step 1 in version 2, and at 2 in version 1")
    ]
    assert (verdict.checked, published.nothing_goes_backwards(steps(1, 2, 1, 3)).state) == (4, State.HELD)


def test_what_counts_up_may_leave_numbers_out_stand_still_and_be_published_once_more() -> None:
    rising = [*steps(1, 3, 3, 7), *steps(1, 3, 3, 7), a_record(version=9, name="Step by step")]

    assert published.what_counts_up_never_falls(rising).state is State.HELD
    assert published.what_counts_up_never_falls([a_record()]).state is State.NOTHING_CHECKED


def test_compaction_must_leave_what_the_row_says() -> None:
    row = [an_entity()]

    assert published.compaction_leaves_the_rows("x", row, [a_record(version=4), a_record()]).state is State.HELD
    assert subjects(published.compaction_leaves_the_rows("x", row, [a_record(name="Wall")])) == ["k"]
    assert subjects(published.compaction_leaves_the_rows("x", row, [a_record(version=6)])) == ["k"]
    assert subjects(published.compaction_leaves_the_rows("x", row, [a_record(deleted_at="2026")])) == ["k"]
    assert subjects(published.compaction_leaves_the_rows("x", row, [a_record(), an_erasure()])) == ["k"]
    assert subjects(published.compaction_leaves_the_rows("x", [], [a_record()])) == ["k"]


def test_both_sides_of_a_federation_key_must_be_the_same() -> None:
    owned, other = [an_entity(KEY)], [an_entity(KEY, 4)]

    assert published.both_sides_agree(owned, [an_entity(KEY)], {"customers"}).state is State.HELD
    assert subjects(published.both_sides_agree(owned, [], {"customers"})) == [KEY]
    assert subjects(published.both_sides_agree([], owned, {"customers"})) == [KEY]
    assert subjects(published.both_sides_agree(owned, other, {"customers"})) == [KEY]
    assert published.both_sides_agree(owned, [], {"estimates"}).state is State.NOTHING_CHECKED


def test_a_read_model_must_have_the_version_of_each_row() -> None:
    assert published.read_model_is_current("x", [an_entity()], [an_entity()]).state is State.HELD
    assert subjects(published.read_model_is_current("x", [an_entity()], [an_entity(version=4)])) == ["k"]
    assert subjects(published.read_model_is_current("x", [an_entity()], [])) == ["k"]
    assert subjects(published.read_model_is_current("x", [], [an_entity()])) == ["k"]


def test_a_read_model_of_the_right_version_must_say_what_the_row_says() -> None:
    kept = [an_entity(name="Wall", is_deleted=False)]

    verdict = published.read_model_is_current("x", [an_entity(name="Fence", is_deleted=False, type="PAINT")], kept)

    assert [(one.subject, one.what) for one in verdict.violations] == [("k", "has another name in the read model")]


@pytest.mark.parametrize(
    ("doubts", "request_of"),
    [(("same_second",), ("003",)), ((), ("003",)), ((), ()), (("same_second",), ("004", "003"))],
)
def test_what_is_in_doubt_is_asked_for(doubts: tuple[str, ...], request_of: tuple[str, ...]) -> None:
    verdict = published.what_is_in_doubt_is_asked_for([a_doubted(*doubts)], [a_request(*request_of)])

    assert (verdict.state, verdict.checked) == (State.HELD, 1)


@pytest.mark.parametrize(
    ("doubts", "request_of"), [((), ("004",)), (("same_second", "no_version"), ("003",)), (("no_version",), ())]
)
def test_a_read_that_nobody_was_asked_for_is_found(doubts: tuple[str, ...], request_of: tuple[str, ...]) -> None:
    verdict = published.what_is_in_doubt_is_asked_for([a_doubted(*doubts)], [a_request(*request_of)])

    assert subjects(verdict) == [str(ONE)]


def test_where_nothing_was_in_doubt_that_is_said() -> None:
    assert published.what_is_in_doubt_is_asked_for([], [a_request("003")]).state is State.SKIPPED


def test_customers_are_matched_by_their_names_in_normal_form() -> None:
    row = an_entity(
        salesforce_ids=["003", "001"],
        email=" Ann@Acme.example ",
        phone="+1 503 555 0100",
        first_name="",
        last_name="King",
        merged_into=None,
        is_deleted=False,
    )

    kept = published.as_matched_by(row)

    assert (kept.key, kept.version) == (row.key, row.version)
    assert kept.values == {
        "salesforce_ids": ["003", "001"],
        "email": "ann@acme.example",
        "phone": "+15035550100",
        "name": "King",
        "merged_into": None,
        "is_deleted": False,
    }
