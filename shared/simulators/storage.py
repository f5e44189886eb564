"""The one SQLite file that holds everything a simulator knows; a restart forgets nothing.

Every call is made on the event loop's thread: a statement takes microseconds, a request's whole transaction at most
a few hundred milliseconds, and between two awaits nothing else can come in between.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
from pydantic import JsonValue

Connection = sqlite3.Connection

LAYOUT: Final = 1
"""Goes up with every change of a table; a file of another layout is refused, never guessed at."""
LOCK_SECONDS: Final = 5.0
"""How long a start waits for the process before it to leave the file."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    object  TEXT NOT NULL,
    id      TEXT NOT NULL,
    fields  TEXT NOT NULL,     -- JSON, as the vendor's REST gives the record
    stamped INTEGER NOT NULL,  -- the second of its last change
    deleted INTEGER NOT NULL,
    PRIMARY KEY (object, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS subscriptions (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    options    TEXT NOT NULL,  -- JSON
    enabled    INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS deliveries (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL,
    form         TEXT NOT NULL,
    event        TEXT NOT NULL,
    object       TEXT NOT NULL,
    records      TEXT NOT NULL,  -- JSON array of ids
    content      BLOB NOT NULL,  -- the body, or what it is made of when it is sent
    copy_of      INTEGER,
    held         INTEGER NOT NULL,
    created      REAL NOT NULL,  -- seconds since 1970, by the real clock
    due          REAL NOT NULL,
    state        TEXT NOT NULL,
    attempts     TEXT NOT NULL,  -- JSON array
    sha256       TEXT            -- of the body that was sent last
);
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, seq);

CREATE TABLE IF NOT EXISTS bodies (
    sha256 TEXT PRIMARY KEY,
    body   BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS calls (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    method TEXT NOT NULL,
    path   TEXT NOT NULL,
    status INTEGER NOT NULL,
    at     REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS numbers (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS steered (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL  -- JSON
) WITHOUT ROWID;
"""


class UnusableFileError(Exception):
    """The file cannot be used by this process; the text says why and what to do."""


def open_file(path: Path, vendors_schema: str = "", lock_seconds: float = LOCK_SECONDS) -> Connection:
    """The state in this file, which is made where it is missing and from now on belongs to this process alone.

    Statements commit by themselves outside of `transaction`. UnusableFileError where another process has the file,
    another version wrote it, or it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds secrets
        return _opened(path, vendors_schema, lock_seconds)
    except sqlite3.OperationalError as error:
        raise UnusableFileError(f"{path} cannot be used ({error}): does another simulator run on it?") from error
    except (OSError, sqlite3.DatabaseError) as error:
        raise UnusableFileError(f"{path} cannot be used: {error}") from error


def _opened(path: Path, vendors_schema: str, lock_seconds: float) -> Connection:
    connection = sqlite3.connect(path, timeout=lock_seconds, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _refuse_other_layout(connection, path)
        connection.executescript(_SCHEMA + vendors_schema + f"PRAGMA user_version = {LAYOUT};")
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_other_layout(connection: Connection, path: Path) -> None:
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if layout not in {0, LAYOUT}:
        raise UnusableFileError(f"{path} was written by another version: remove it to start anew")


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All of the block's statements or none of them. Never await inside: the next request would come in between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def take_numbers(connection: Connection, name: str, count: int = 1) -> range:
    """The next numbers of this name, from 1; nobody else gets them, also not after a restart."""
    connection.execute(
        """
        INSERT INTO numbers (name, last) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET last = last + excluded.last
        """,
        (name, count),
    )
    (last,) = connection.execute("SELECT last FROM numbers WHERE name = ?", (name,)).fetchone()
    return range(last - count + 1, last + 1)


def restart_numbers(connection: Connection, name: str) -> None:
    """Lets the numbers of this name begin at 1 again."""
    connection.execute("DELETE FROM numbers WHERE name = ?", (name,))


def find_steered(connection: Connection, name: str) -> JsonValue:
    """What was steered under this name, or None."""
    row = connection.execute("SELECT value FROM steered WHERE name = ?", (name,)).fetchone()
    return None if row is None else orjson.loads(row["value"])


def upsert_steered(connection: Connection, name: str, value: JsonValue) -> None:
    """Keeps what was steered under this name."""
    connection.execute(
        "INSERT INTO steered (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, as_json(value)),
    )


def as_json(value: object) -> str:
    """The JSON text of a value."""
    return orjson.dumps(value).decode()
