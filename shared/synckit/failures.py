"""Which kind of failure an exception is. Decided by SQLSTATE and type, never by a message."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from synckit.errors import EndedError, PoisonError, SettingError, TransientError

PASSING: Final = (
    TransientError,
    KafkaError,
    OSError,
    TimeoutError,
    asyncpg.InternalClientError,  # asyncpg raises it for a connection that died in the middle of a message
    asyncpg.ClientConfigurationError,  # of a DSN, or of a certificate that is being replaced: no record's fault
)
OF_FILES: Final = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""No server that is away looks like this, where a file is named: without one it is a Unix socket that is gone while
its server is away, or a way through the network that is forbidden."""


class Verdict(Enum):
    """What a consumer does about a failure."""

    TRANSIENT = "transient"
    """The same batch will work later: wait and try again, without limit."""
    POISON = "poison"
    """A record of the batch can never work: find it, park it, go on."""
    RACE = "race"
    """Most likely somebody else was faster: try again a few times, then it is poison."""
    UNCLEAR = "unclear"
    """Most likely a session that died in use, or whose answers are damaged: wait as for what passes, but not for ever,
    since asyncpg raises the same for a call that is wrong."""
    BUG = "bug"
    """Nobody foresaw it: stop loudly."""


AWAY: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
"""SQLSTATE classes of a database that is away, busy, full or being changed. 28 and 3D: its roles or the database itself
are missing, as while it is restored."""
NEVER: Final = frozenset({"22", "54"})
"""A value that the column's type, or a limit of the server itself (an index row, a tsvector), can never take."""
NUMBERING: Final = frozenset({"GetNewTransactionId", "GetNewMultiXactId"})
"""Functions of the server that refuse all writes with class 54, until it has been vacuumed: no value's fault."""
NOT_YET: Final = frozenset({"3F000", "42501", "42P01"})
"""A schema, a right, a table is missing: as while a database is restored, or by a mistake in our own SQL."""
READ_ONLY: Final = "25006"
NOT_NULL: Final = "23502"
ENDED_AMID: Final = frozenset({"25P03", "25P04"})
"""A session that was idle in its transaction, or a transaction that took, for longer than the server allows."""
TOO_MUCH: Final = ENDED_AMID | {"57014", "57P01", "08003"}
"""What may have been too much at once: that, a statement that was cancelled, a session that somebody ended."""
RACES: Final = frozenset({"23503", "23505"})
"""A foreign key, a unique key: somebody else may have been faster."""
CHECK: Final = "23514"
_ASYNCPG: Final = re.compile(r"(?:.*/)?asyncpg/")
"""A file of asyncpg's, of its compiled parts too."""


def verdict(error: BaseException) -> Verdict:
    """Which kind of failure this is."""
    if isinstance(error, PoisonError):
        return Verdict.POISON
    if isinstance(error, asyncpg.PostgresError):
        return _of_sqlstate(error)
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, PASSING):
        return Verdict.POISON if isinstance(error, ValueError) else Verdict.UNCLEAR  # a value that it cannot encode
    if not isinstance(error, PASSING) and _is_of_the_client(error):
        return Verdict.UNCLEAR
    is_of_a_file = isinstance(error, OF_FILES) and error.filename is not None
    return Verdict.TRANSIENT if isinstance(error, PASSING) and not is_of_a_file else Verdict.BUG


def _is_of_the_client(error: BaseException) -> bool:
    """Whether asyncpg itself tripped: over an answer that was damaged on the way it raises whatever comes of that."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and _ASYNCPG.match(at.tb_frame.f_code.co_filename) is not None


def is_time_out(error: BaseException) -> bool:
    """Whether less at once may be quick enough: PostgreSQL's statement time-out, or ours for an answer of it.

    Or a session that ended amid its work, as that of a client does that PostgreSQL hears nothing of: over a narrow
    link one large statement takes as long.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in TOO_MUCH
    return isinstance(error, TimeoutError | EndedError)


def passes(error: BaseException) -> bool:
    """Whether whoever works in the background waits and tries again."""
    return verdict(error) in {Verdict.TRANSIENT, Verdict.UNCLEAR}


def is_locked(error: BaseException) -> bool:
    """Whether somebody holds a lock on one of the rows that were asked for: others may be had meanwhile."""
    return isinstance(error, asyncpg.LockNotAvailableError)


def is_the_servers(error: BaseException) -> bool:
    """Whether a server is at fault, for now or for good: a right was withdrawn, say, or a table is being restored."""
    return passes(error) or (isinstance(error, asyncpg.PostgresError) and verdict(error) is Verdict.BUG)


@contextmanager
def collecting(bugs: list[Exception]) -> Iterator[None]:
    """A bug joins those that were met before, so that the rest of the work goes on; any other failure is raised."""
    try:
        yield
    except Exception as error:
        if verdict(error) is not Verdict.BUG:
            raise
        bugs.append(error)


def _of_sqlstate(error: asyncpg.PostgresError) -> Verdict:
    state = error.sqlstate or ""
    if getattr(error, "server_source_function", None) in NUMBERING:
        return Verdict.TRANSIENT
    if state[:2] in NEVER or state == NOT_NULL or (state == CHECK and error.constraint_name):
        return Verdict.POISON
    if state in RACES:
        return Verdict.RACE
    # The rest of class 23 is a partition that is missing; a plan goes stale when the schema changes under us.
    stale_plan = isinstance(error, asyncpg.InvalidCachedStatementError)
    if state[:2] in AWAY or state[:2] == "23" or state == READ_ONLY or state in ENDED_AMID or stale_plan:
        return Verdict.TRANSIENT
    return Verdict.BUG


def may_be_restored(error: BaseException) -> bool:
    """Whether it is a bug that ends by itself where the database is being restored just now."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in NOT_YET


def describe(error: BaseException) -> dict[str, str]:
    """What logs and readiness may say of an error: its kind, never its message, which may quote a row."""
    said = {"error": type(error).__name__}
    if isinstance(error, asyncpg.PostgresError):
        named = (("sqlstate", error.sqlstate), ("constraint", error.constraint_name), ("table", error.table_name))
        said |= {name: str(value) for name, value in named if value}
    if isinstance(error, PoisonError):
        said |= {"code": error.code, "reason": error.reason}
    if isinstance(error, SettingError):
        said["reason"] = error.reason
    return said


def explain(error: BaseException) -> str:
    """The same as one phrase, for readiness."""
    said = describe(error)
    if is_missing_partition(error):
        return f"a partition of {said.get('table', 'a table')} is missing"
    return " ".join(said.values())


def is_missing_partition(error: BaseException) -> bool:
    """Whether a row belongs to a month that has no partition yet: a CHECK that has no name."""
    return isinstance(error, asyncpg.CheckViolationError) and not error.constraint_name


def as_poison(error: BaseException) -> PoisonError:
    """The reason to park a record that fails like this."""
    if isinstance(error, PoisonError):
        return error
    said = describe(error)
    where = " ".join(f"{name} {value}" for name, value in said.items() if name != "error")
    return PoisonError("refused_by_database", f"{said['error']} {where}".strip())
