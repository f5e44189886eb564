"""The sample rows of the database design, for development: nothing in production needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import asyncpg

from paintbox.databases import Database, DatabaseError, connected

SAMPLES: Final[Mapping[Database, Mapping[str, str]]] = {
    Database.CUSTOMERS: {"customers.customers": "customers.sql"},
    Database.PROJECTS: {"projects.projects": "projects.sql", "projects.crew_members": "crew_members.sql"},
}
"""Per database: each table that has samples, and the file of `seeds` that inserts them."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of a table's samples: new rows, and those that were there (or whose e-mail somebody else has)."""

    table: str
    inserted: int
    present: int


async def seed(dsn: str, database: Database) -> list[Seeded]:
    """Insert a database's sample rows that are not there yet, in one transaction. Twice changes nothing.

    Raises DatabaseError where the database is not migrated or does not let us in.
    """
    async with connected(dsn, process="paintbox seed") as connection, connection.transaction():
        try:
            return [
                Seeded(table, row["inserted"], row["samples"] - row["inserted"])
                for table, file in SAMPLES.get(database, {}).items()
                for row in await connection.fetch(_statement(file))
            ]
        except asyncpg.UndefinedTableError as error:
            raise DatabaseError("the tables are not there yet: run `paintbox migrate` first") from error


def _statement(file: str) -> str:
    return files("paintbox").joinpath("seeds", file).read_text(encoding="utf-8")
