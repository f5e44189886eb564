"""Which workloads `paintbox bench` measures, and what its copies of records are called."""

import pytest

from paintbox.bench import menu, multiplied, sizes
from paintbox.errors import OperatorError
from synckit.identity import salesforce_id18


def test_without_letters_everything_is_measured_in_its_order() -> None:
    assert list(menu.named([], grown=False)) == ["A", "B", "D", "E", "F"]


def test_letters_are_taken_in_any_case_and_order() -> None:
    assert list(menu.named(["d", "A"], grown=False)) == ["A", "D"]


def test_a_letter_stands_for_all_that_is_grown_of_its_workload() -> None:
    assert list(menu.named(["B"], grown=True)) == ["B+", "B++"]


def test_a_letter_that_there_is_not_is_said_to_be_none() -> None:
    with pytest.raises(OperatorError, match="no workload X"):
        menu.named(["A", "X"], grown=False)


def test_every_workload_says_how_it_measures() -> None:
    assert menu.NOTES.keys() == menu.WORKLOADS.keys() | menu.GROWN.keys()
    assert all(menu.NOTES.values())


def test_every_grown_workload_says_why_it_has_fewer_rounds() -> None:
    assert [letter for letter, notes in menu.NOTES.items() if sizes.FEWER_ROUNDS in notes] == sorted(menu.GROWN)


def test_copies_of_a_record_have_ids_of_their_own_that_are_salesforces() -> None:
    original = "003Dm00000020AbIAI"

    copies = [multiplied.copied(original, number) for number in range(200)]

    assert copies[0] == original
    assert len(set(copies)) == 200
    assert all(salesforce_id18(copy) == copy and copy.startswith("003") for copy in copies)
