import pytest

from paintbox.databases import DatabaseError
from paintbox.migration_files import Migration, list_pending, list_unknown

FIRST = Migration("customer_sync", "0001_schema.sql", "CREATE SCHEMA customers;")
SECOND = Migration("customer_sync", "0002_customers.sql", "CREATE TABLE customers.customers ();")


def recorded(*migrations: Migration) -> dict[tuple[str, str], str]:
    return {(migration.source, migration.name): migration.checksum for migration in migrations}


def test_what_is_recorded_is_not_pending() -> None:
    assert list_pending([FIRST, SECOND], recorded()) == [FIRST, SECOND]
    assert list_pending([FIRST, SECOND], recorded(FIRST)) == [SECOND]
    assert list_pending([FIRST, SECOND], recorded(FIRST, SECOND)) == []


def test_a_file_that_was_edited_after_it_was_applied_is_refused() -> None:
    edited = Migration(FIRST.source, FIRST.name, FIRST.sql + "\n")

    with pytest.raises(DatabaseError, match=r"customer_sync/0001_schema\.sql was edited after it was applied"):
        list_pending([edited, SECOND], recorded(FIRST))


def test_a_file_that_is_inserted_before_an_applied_one_is_refused() -> None:
    with pytest.raises(
        DatabaseError, match=r"0001_schema\.sql was never applied, but the later 0002_customers\.sql was"
    ):
        list_pending([FIRST, SECOND], recorded(SECOND))


def test_a_renamed_file_is_refused() -> None:
    renamed = Migration(SECOND.source, "0002_all_customers.sql", SECOND.sql)

    with pytest.raises(DatabaseError, match=r"0002_all_customers\.sql was never applied"):
        list_pending([FIRST, renamed], recorded(FIRST, SECOND))


def test_the_numbers_of_one_source_say_nothing_about_another() -> None:
    reference = Migration("reference", "0001_reference_tables.sql", "CREATE SCHEMA reference;")

    assert list_pending([reference, FIRST, SECOND], recorded(FIRST, SECOND)) == [reference]


def test_what_newer_code_applied_is_unknown_to_this_code_and_no_error() -> None:
    assert list_unknown([FIRST], recorded(FIRST, SECOND)) == [(SECOND.source, SECOND.name)]
    assert list_pending([FIRST], recorded(FIRST, SECOND)) == []
