"""Merging: last writer wins per field, whatever comes, in whatever order, however often."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.facts import NOON_MS, a_fact, at
from synckit import versions
from synckit.mirror.facts import ABSENT, DELETED, Fact, Kind, Record, Stamp
from synckit.mirror.merge import Doubt, Merged, merge

EMPTY = Record(object="Contact", id="003000000000001AAA")
NAMES = ("FirstName", "LastName", "Email", DELETED, ABSENT)

json_values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.sampled_from(["", "a", "b"]))
stamps = st.builds(Stamp, st.sampled_from([0, at(0), at(0, 5), at(1), at(2)]), st.integers(0, 2))


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    fields: dict[str, Any] = draw(st.dictionaries(st.sampled_from(NAMES), json_values, min_size=1))
    stamp = draw(stamps)
    own = draw(st.dictionaries(st.sampled_from(sorted(fields)), stamps))
    fact = a_fact(**fields)
    return replace(fact, stamp=stamp, own_stamps=own, is_snapshot=draw(st.booleans()))


def state(record: Record) -> tuple[dict[str, tuple[Stamp, str]], bool]:
    """What counts of a record: each field's effective stamp and its value, and whether it is deleted."""
    return {name: (record.stamp_of(name), repr(value)) for name, value in record.fields.items()}, record.is_deleted


def merged(*given: Fact, into: Record = EMPTY) -> Merged:
    return merge(into, given)


@given(st.lists(facts(), max_size=6), st.randoms())
def test_order_of_arrival_decides_nothing(sequence: list[Fact], random: Any) -> None:
    shuffled = sequence[:]
    random.shuffle(shuffled)

    assert state(merge(EMPTY, sequence).record) == state(merge(EMPTY, shuffled).record)


@given(st.lists(facts(), max_size=6), st.integers(0, 6))
def test_batches_may_be_cut_anywhere(sequence: list[Fact], cut: int) -> None:
    in_two = merge(merge(EMPTY, sequence[:cut]).record, sequence[cut:])

    assert state(in_two.record) == state(merge(EMPTY, sequence).record)


@given(st.lists(facts(), max_size=6))
def test_what_comes_again_changes_nothing(sequence: list[Fact]) -> None:
    once = merge(EMPTY, sequence).record

    again = merge(once, sequence)

    assert not again.changed
    assert again.record == once


@given(st.lists(facts(), min_size=1, max_size=6))
def test_the_encoding_gives_back_every_effective_stamp(sequence: list[Fact]) -> None:
    record = merge(EMPTY, sequence).record

    newest = {name: max(fact.stamp_of(name) for fact in sequence if name in fact.fields) for name in record.fields}

    assert record.stamps == newest


def test_absent_null_and_value_are_three_things() -> None:
    before = merged(a_fact(at(0), FirstName="Ann", Email="ann@example.com")).record

    after = merged(a_fact(at(1), Email=None), into=before).record

    assert after.fields == {"FirstName": "Ann", "Email": None}


def test_a_late_delivery_does_not_overwrite_a_newer_field() -> None:
    before = merged(a_fact(at(2), LastName="King")).record

    after = merged(a_fact(at(1), LastName="Kong"), into=before)

    assert not after.changed
    assert after.record.fields["LastName"] == "King"


def test_a_push_with_the_same_values_raises_the_version_all_the_same() -> None:
    before = merged(a_fact(at(1), LastName="King")).record

    after = merged(a_fact(at(3), LastName="King"), into=before)
    late = merged(a_fact(at(2), LastName="Kong"), into=after.record)

    assert after.changed
    assert late.record.fields["LastName"] == "King"


def test_inside_a_transaction_the_later_change_wins_in_either_order() -> None:
    first, second = a_fact(at(1), 0, LastName="Z"), a_fact(at(1), 1, LastName="A")

    assert merged(first, second).record.fields["LastName"] == "A"
    assert merged(second, first).record.fields["LastName"] == "A"


def test_equal_versions_keep_the_greater_canonical_json_and_ask() -> None:
    one, other = a_fact(at(1), LastName="A"), a_fact(at(1), LastName="B")

    for order in ((one, other), (other, one)):
        result = merged(*order)

        assert result.record.fields["LastName"] == "B"
        assert Doubt.SAME_VERSION in result.doubts


def test_two_pushes_of_one_second_that_disagree_ask_for_a_read() -> None:
    result = merged(a_fact(at(1, 100), LastName="A"), a_fact(at(1, 200), LastName="B"))

    assert result.doubts == {Doubt.SAME_SECOND}


def test_a_read_that_wins_within_the_second_asks_for_nothing() -> None:
    read = replace(a_fact(LastName="B"), kind=Kind.READ, stamp=Stamp(versions.version(NOON_MS, NOON_MS + 5_000)))

    result = merged(a_fact(at(0), LastName="A"), read)

    assert result.record.fields["LastName"] == "B"
    assert result.doubts == frozenset()


def test_a_push_that_loses_to_an_earlier_read_asks_for_another() -> None:
    read = replace(a_fact(LastName="B"), kind=Kind.READ, stamp=Stamp(versions.version(NOON_MS, NOON_MS + 5_000)))
    push = replace(a_fact(at(0), LastName="A"), sent_at=NOON_MS + 6_000)

    result = merged(read, push)

    assert result.record.fields["LastName"] == "B"
    assert Doubt.OUTDATED_READ in result.doubts


def test_a_push_sent_before_the_read_asks_for_nothing() -> None:
    read = replace(a_fact(LastName="B"), kind=Kind.READ, stamp=Stamp(versions.version(NOON_MS, NOON_MS + 5_000)))
    push = replace(a_fact(at(-5), LastName="A"), sent_at=NOON_MS + 4_000)

    assert merged(read, push).doubts == frozenset()


def test_a_fact_without_a_version_fills_only_what_nothing_has_filled() -> None:
    before = merged(a_fact(at(1), LastName="King")).record

    after = merged(a_fact(versions.UNKNOWN, LastName="Kong", FirstName="Ann"), into=before)

    assert after.record.fields == {"LastName": "King", "FirstName": "Ann"}
    assert Doubt.NO_VERSION in after.doubts


def test_a_snapshot_does_not_bring_back_what_is_deleted_and_asks() -> None:
    deleted = merged(a_fact(at(1), **{DELETED: True})).record

    after = merged(replace(a_fact(at(2), LastName="King"), is_snapshot=True), into=deleted)

    assert after.record.is_deleted
    assert after.record.fields["LastName"] == "King"
    assert Doubt.PUSHED_BUT_DELETED in after.doubts


def test_an_undelete_clears_a_deletion_and_an_older_delete_does_not_come_back() -> None:
    undeleted = merged(a_fact(at(1), **{DELETED: True}), a_fact(at(2), **{DELETED: False})).record

    after = merged(a_fact(at(1), **{DELETED: True}), into=undeleted)

    assert not undeleted.is_deleted
    assert not after.record.is_deleted


def test_any_newer_fact_outdates_absence_from_a_sweep() -> None:
    absent = merged(a_fact(at(1), LastName="King"), a_fact(at(2), **{ABSENT: True})).record

    after = merged(a_fact(at(3), LastName="King"), into=absent)

    assert absent.is_deleted
    assert not after.record.is_deleted


def test_one_and_true_and_one_point_zero_are_three_values() -> None:
    result = merged(a_fact(at(1), Count=1), a_fact(at(1), Count=True), a_fact(at(1), Count=1.0))

    assert result.record.fields["Count"] is True


@pytest.mark.parametrize(
    ("given", "stored"),
    [(-0.0, 0.0), (1e16, 10**16), (1.2345678901234567e18, 1234567890123456800), ({"lat": [-0.0]}, {"lat": [0.0]})],
)
def test_a_number_is_itself_in_the_form_in_which_jsonb_gives_it_back(given: Any, stored: Any) -> None:
    fact = replace(a_fact(Budget__c=given), stamp=Stamp(at(1)))
    merged = merge(EMPTY, [fact]).record

    again = merge(replace(merged, fields={"Budget__c": stored}), [fact])

    assert (again.changed, again.doubts) == (False, frozenset())


@pytest.mark.parametrize("number", [-(2.0**63), 2.0**64, 1.7e308, -9223372036854774784.0, 18446744073709549568.0])
def test_a_number_beyond_what_is_read_as_an_integer_is_compared_as_it_came(number: float) -> None:
    one, other = (replace(a_fact(Budget__c=value), stamp=Stamp(at(1))) for value in (number, 1))

    orders = {merge(EMPTY, facts).record.get("Budget__c") for facts in ([one, other], [other, one])}

    assert orders in ({number}, {1})


def test_of_two_numbers_of_one_version_the_same_one_stays_whichever_was_stored() -> None:
    float_, integer = (replace(a_fact(Budget__c=one), stamp=Stamp(at(1))) for one in (1e16, 10**16 + 1))

    first = merge(replace(merge(EMPTY, [float_]).record, fields={"Budget__c": 10**16}), [integer]).record
    second = merge(merge(EMPTY, [integer]).record, [float_]).record

    assert first.get("Budget__c") == second.get("Budget__c") == 10**16 + 1
