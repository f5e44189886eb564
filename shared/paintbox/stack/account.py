"""Under which account PostgreSQL runs, since it refuses to run as root, and what that account can reach."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paintbox.errors import OperatorError

CANDIDATES: Final = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine that is not root."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The account to start PostgreSQL under where we are root; None where we are not, which means our own.

    Raises OperatorError where the machine has no account that would do.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise OperatorError(
        f"PostgreSQL does not run as root, and this machine has no user {' or '.join(CANDIDATES)} to run it under: "
        "make one (useradd --system postgres), or run this command as another user than root."
    )


def account_of(folder: Path) -> Account | None:
    """The account that owns a folder which we made earlier; None where that is ourselves.

    Raises OperatorError where it is root, or is known by no name any more.
    """
    uid = folder.stat().st_uid
    if uid == os.geteuid() and uid != 0:
        return None
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise OperatorError(f"{folder} belongs to user {uid}, whom this machine does not know any more.") from None
    if uid == 0:
        raise OperatorError(f"{folder} belongs to root, as whom PostgreSQL does not run: `paintbox clean` removes it.")
    return Account(entry.pw_name, uid, entry.pw_gid)


def run_as(
    account: Account | None, command: list[str], folder: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """What the command printed and its exit code, run to its end under the account, with nothing of our environment.

    Raises OperatorError where the system does not let us become the account, as in a container without that right.
    """
    try:
        return subprocess.run(
            command,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd=folder or "/",
            env={"PATH": os.environ.get("PATH") or os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        who = f" as user {account.name}" if account else ""
        raise OperatorError(f"{command[0]} cannot be started{who}: {error.strerror}.") from error


def can(account: Account | None, what: str, path: Path) -> bool:
    """Whether `test WHAT PATH` (-x, -r, -w) holds for the account: every folder on the way, mounts and ACLs count."""
    return run_as(account, ["/bin/sh", "-c", 'test "$1" "$2"', "sh", what, str(path)]).returncode == 0
