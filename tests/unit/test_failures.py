"""Which failures pass, which never will, and which nobody foresaw: by type and SQLSTATE, never by a message."""

from typing import Any

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

from support.notifications import KafkaRecord
from synckit.consumer.batch import Batch
from synckit.errors import EndedError, PoisonError, TransientError
from synckit.failures import Verdict, as_poison, describe, is_time_out, may_be_restored, passes, verdict


def postgres_error(sqlstate: str, **fields: Any) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError.new({"C": sqlstate, "M": "canary", "D": "Key (email)=(canary)", **fields})
    assert isinstance(error, asyncpg.PostgresError)
    return error


@pytest.mark.parametrize(
    "error",
    [
        TransientError("away"),
        ConnectionResetError(),
        TimeoutError(),
        OSError(28, "No space left on device"),
        KafkaConnectionError(),
        asyncpg.InternalClientError("got result for unknown protocol state"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
        *map(
            postgres_error, ("08006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030")
        ),
        *map(postgres_error, ("25006", "25P03", "25P04", "28P01", "3D000", "23P01")),
        postgres_error("54000", R="GetNewTransactionId"),  # has to be vacuumed first
        asyncpg.ClientConfigurationError("sslmode is not one of these"),
        postgres_error("23514"),  # no partition of relation found for row
        FileNotFoundError(2, "a Unix socket whose server is being restarted"),
        PermissionError(13, "a network that a firewall forbids"),
    ],
    ids=repr,
)
def test_what_passes_is_waited_for(error: Exception) -> None:
    assert verdict(error) is Verdict.TRANSIENT


@pytest.mark.parametrize(
    "error",
    [
        PoisonError("x", "y"),
        *map(postgres_error, ("22001", "22003", "22P02", "22P05", "23502", "54000")),
        postgres_error("23514", n="valid_email"),
    ],
    ids=repr,
)
def test_what_can_never_work_is_poison(error: Exception) -> None:
    assert verdict(error) is Verdict.POISON


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (TimeoutError(), True),
        (EndedError("amid a transaction"), True),
        (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), True),
        *((postgres_error(state), True) for state in ("57014", "57P01", "25P03", "25P04")),
        *((postgres_error(state), False) for state in ("57P03", "53300", "40P01", "55P03")),
        (TransientError("away"), False),
        (ConnectionRefusedError(), False),
    ],
    ids=repr,
)
def test_less_at_once_is_tried_after_what_may_have_been_too_much(error: Exception, is_so: bool) -> None:
    assert is_time_out(error) is is_so


def test_what_a_session_that_died_in_use_raises_is_waited_for_but_not_for_ever() -> None:
    error = asyncpg.InterfaceError("connection is closed")

    assert (verdict(error), passes(error)) == (Verdict.UNCLEAR, True)


@pytest.mark.parametrize("sqlstate", ["3F000", "42501", "42P01"])
def test_what_a_restore_brings_back_last_is_told_from_other_bugs(sqlstate: str) -> None:
    assert may_be_restored(postgres_error(sqlstate))
    assert not may_be_restored(postgres_error("42601"))


@pytest.mark.parametrize("sqlstate", ["23503", "23505"])
def test_keys_are_races_first(sqlstate: str) -> None:
    assert verdict(postgres_error(sqlstate)) is Verdict.RACE


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        AssertionError(),
        FileNotFoundError(2, "there is none", "a file"),
        PermissionError(13, "it is not ours", "a file"),
        *map(postgres_error, ("42601", "42P01", "42501", "3F000", "0A000", "XX000")),
    ],
    ids=repr,
)
def test_the_rest_is_a_bug(error: Exception) -> None:
    assert verdict(error) is Verdict.BUG


def test_a_description_never_quotes_a_row() -> None:
    error = postgres_error("23514", n="valid_email", t="customers")

    assert describe(error) == {
        "error": "CheckViolationError",
        "sqlstate": "23514",
        "constraint": "valid_email",
        "table": "customers",
    }
    assert as_poison(error).reason == "CheckViolationError sqlstate 23514 constraint valid_email table customers"


def records(count: int) -> list[KafkaRecord]:
    return [KafkaRecord(value=str(number).encode(), offset=number) for number in range(count)]


def test_halves_keep_every_record_once_and_share_the_living() -> None:
    batch = Batch(records(7), {0: PoisonError("a", ""), 1: PoisonError("b", ""), 6: PoisonError("c", "")})

    first, second = batch.halves()

    assert [*first.records, *second.records] == batch.records
    assert (len(first.living), len(second.living)) == (2, 2)
    assert [error.code for _, error in (*first.parked, *second.parked)] == ["a", "b", "c"]


def test_what_cannot_be_decoded_is_condemned_and_the_rest_goes_on() -> None:
    def odd(record: Any) -> int:
        number = int(record.value)
        if number % 2 == 0:
            raise PoisonError("even", "an even number")
        return number

    batch = Batch(records(5))

    decoded = batch.decode(odd)
    refined = batch.refine(decoded, lambda number: number * 10)

    assert refined == {1: 10, 3: 30}
    assert sorted(batch.condemned) == [0, 2, 4]
