"""What was answered is in the log once, done with once: each check finds what is not so."""

from datetime import timedelta

from paintbox.prove.checks import delivered
from paintbox.prove.verdicts import State
from support.proof import (
    NOON,
    ONE,
    TWO,
    a_customer_log,
    a_receipt,
    a_sync_log,
    an_answer,
    an_event,
    subjects,
)


def test_an_answered_event_with_one_row_holds() -> None:
    verdict = delivered.every_answer_is_logged_once({ONE: an_answer()}, [an_event()])

    assert (verdict.state, verdict.checked) == (State.HELD, 1)


def test_an_answered_event_without_a_row_is_lost() -> None:
    verdict = delivered.every_answer_is_logged_once({ONE: an_answer(), TWO: an_answer(TWO)}, [an_event()])

    assert verdict.state is State.VIOLATED
    assert subjects(verdict) == [str(TWO)]


def test_an_event_with_two_rows_is_doubled() -> None:
    rows = [an_event(), an_event(received_at=NOON + timedelta(days=1))]

    assert subjects(delivered.every_answer_is_logged_once({ONE: an_answer()}, rows)) == [str(ONE)]


def test_without_any_answer_nothing_was_checked() -> None:
    assert delivered.every_answer_is_logged_once({}, []).state is State.NOTHING_CHECKED


def test_an_event_that_is_still_received_is_not_done_with() -> None:
    verdict = delivered.every_event_is_done_with([an_event(), an_event(TWO, "RECEIVED")])

    assert subjects(verdict) == [str(TWO)]


def test_receipts_and_log_must_tell_of_the_same_events_at_the_same_moment() -> None:
    later = NOON + timedelta(seconds=1)

    assert delivered.receipts_agree([a_receipt()], [an_event()]).state is State.HELD
    assert subjects(delivered.receipts_agree([], [an_event()])) == [str(ONE)]
    assert subjects(delivered.receipts_agree([a_receipt()], [])) == [str(ONE)]
    assert subjects(delivered.receipts_agree([a_receipt(received_at=later)], [an_event()])) == [str(ONE)]
    assert subjects(delivered.receipts_agree([a_receipt(), a_receipt()], [an_event()])) == [str(ONE)]


def test_an_event_has_exactly_one_sync_log_of_its_own() -> None:
    assert delivered.one_effect_an_event([an_event()], [a_sync_log()]).state is State.HELD
    assert subjects(delivered.one_effect_an_event([an_event()], [])) == [str(ONE)]
    assert subjects(delivered.one_effect_an_event([an_event()], [a_sync_log(), a_sync_log()])) == [str(ONE)]
    assert subjects(delivered.one_effect_an_event([an_event()], [a_sync_log(), a_sync_log(TWO)])) == [str(TWO)]


def test_the_sync_log_of_an_event_says_what_became_of_it() -> None:
    failed = [a_sync_log(status="FAILED")]

    assert subjects(delivered.one_effect_an_event([an_event()], failed)) == [str(ONE)]
    assert subjects(delivered.one_effect_an_event([an_event(status="IGNORED")], failed)) == [str(ONE)]
    assert subjects(delivered.one_effect_an_event([an_event(status="FAILED")], [a_sync_log()])) == [str(ONE)]
    assert delivered.one_effect_an_event([an_event(status="FAILED")], failed).state is State.HELD


def test_an_event_changes_a_customer_once_and_a_version_has_one_event() -> None:
    twice = [a_customer_log(), a_customer_log()]
    same_version = [a_customer_log(ONE), a_customer_log(TWO)]

    assert delivered.one_effect_an_event_and_customer([a_customer_log()]).state is State.HELD
    assert str(ONE) in subjects(delivered.one_effect_an_event_and_customer(twice))
    assert subjects(delivered.one_effect_an_event_and_customer(same_version)) == [str(TWO)]


def test_topics_and_log_hold_the_same_events() -> None:
    assert delivered.received_equals_done({ONE}, [an_event()]).state is State.HELD
    assert subjects(delivered.received_equals_done({ONE, TWO}, [an_event()])) == [str(TWO)]
    assert subjects(delivered.received_equals_done(set(), [an_event()])) == [str(ONE)]


def test_what_was_set_aside_is_told_with_its_reason() -> None:
    verdict = delivered.nothing_is_set_aside(10, {"parked record 3": "key_mismatch: other key"})

    assert (verdict.checked, verdict.violated) == (10, 1)
    assert "key_mismatch" in verdict.violations[0].what
