"""The migration files that this code brings, and which of them a database still lacks. Reads files, no database."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from paintbox.databases import DatabaseError

FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")

Recorded = Mapping[tuple[str, str], str]
"""What a database remembers: (source, file name) → checksum."""


@dataclass(frozen=True, slots=True)
class Source:
    """A package whose folder `migrations` holds numbered files."""

    name: str
    package: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: a transaction of its own."""

    source: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal: an edit of a released file shows."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.source}/{self.name}"


def read_sources(sources: Iterable[Source]) -> list[Migration]:
    """The files of the sources, in the order in which they are applied.

    Raises DatabaseError where a file is not named like one or a number is missing or taken twice.
    """
    return [
        migration
        for source in sources
        for migration in read_folder(source.name, files(source.package).joinpath("migrations"))
    ]


def read_folder(source: str, folder: Traversable) -> list[Migration]:
    """The files of one source in the order of their numbers, which begin at 0001 and have no gap."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    if not names:
        raise DatabaseError(f"{source} has no migrations in {folder}: is the installation complete?")
    for place, name in enumerate(names, start=1):
        match = FILE_NAME.fullmatch(name)
        if match is None:
            raise DatabaseError(f"{source}/{name} is not named like 0001_what_it_does.sql")
        if int(match["number"]) != place:
            raise DatabaseError(f"{source}/{name} stands where {place:04} is due: numbers have no gap and no double")
    return [Migration(source, name, folder.joinpath(name).read_text(encoding="utf-8")) for name in names]


def list_pending(migrations: Sequence[Migration], recorded: Recorded) -> list[Migration]:
    """The migrations that the database lacks, in order.

    Raises DatabaseError where a recorded file was edited, or where one that is missing would have to be applied
    behind the back of a later one.
    """
    newest: dict[str, str] = {}
    for source, name in recorded:
        newest[source] = max(name, newest.get(source, ""))
    pending = []
    for migration in migrations:
        checksum = recorded.get((migration.source, migration.name))
        if checksum is None:
            if migration.name <= newest.get(migration.source, ""):
                raise DatabaseError(
                    f"{migration} was never applied, but the later {newest[migration.source]} was: released files are "
                    "neither renamed nor inserted; give it the next number"
                )
            pending.append(migration)
        elif checksum != migration.checksum:
            raise DatabaseError(
                f"{migration} was edited after it was applied: put the released text back, "
                "and write what is to change into a new file"
            )
    return pending


def list_unknown(migrations: Iterable[Migration], recorded: Recorded) -> list[tuple[str, str]]:
    """What the database has and this code does not bring, as (source, file name): it was migrated by newer code."""
    return sorted(recorded.keys() - {(migration.source, migration.name) for migration in migrations})
