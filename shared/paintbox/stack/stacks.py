"""One local stack, opened for a command that changes it."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from paintbox.stack import kept, places, ports, processes
from paintbox.stack.account import Account, account_of, can, server_account
from paintbox.stack.environments import KAFKA_PROXIED, KEPT_SECRETS, PROXIES, port_names
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout
from paintbox.stack.places import Places

ELSEWHERE: Final = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a folder of its own in it, for one account
PORTS_OF: Final = {
    "kafka": ("kafka", "kafka-controller", KAFKA_PROXIED),
    **{names[0]: names for names in PROXIES.values()},
}
"""The parts that have more ports than one of their own name."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where it lies, what it keeps, under whom PostgreSQL runs, and what processes inherit of our environment.

    `say` tells the operator a line of its own.
    """

    places: Places
    kept: Kept
    account: Account | None
    inherited: Mapping[str, str]
    say: Callable[[str], None]

    @property
    def postgres_home(self) -> Path:
        """The folder of PostgreSQL's data."""
        return Path(self.kept.postgres_home) if self.kept.postgres_home else self.places.postgres


def open_stack(
    where: Places, environment: Mapping[str, str], say: Callable[[str], None], layout: Layout | None = None
) -> Stack:
    """The stack, with a port, a password and a secret for all that needs one. The caller holds its lock.

    Without a layout it stays what it is. Ports that somebody else took meanwhile are chosen anew, and said. Which
    programs PostgreSQL's are to be is not kept yet: that is for `keep`, once they have run.
    """
    places.fill(where)
    before = kept.read(where.kept)
    before = replace(before, layout=layout or before.layout)
    after = replace(
        before.with_secrets(KEPT_SECRETS),
        ports=_ports(where, before, say),
    )
    after, account = _home(where, after)
    kept.write(where.kept, after)
    programs = environment.get("PAINTBOX_LOCAL_POSTGRES_BIN") or before.postgres_programs
    return Stack(where, replace(after, postgres_programs=programs), account, _inherited(environment), say)


def lasting(stack: Stack) -> Stack:
    """The same, which no command removes unasked from now on, whatever made its directory."""
    path = stack.places.kept
    kept.write(path, replace(kept.read(path), is_passing=False))
    return replace(stack, kept=replace(stack.kept, is_passing=False))


def keep(stack: Stack) -> None:
    """Keeps all of it for the next start, which need not name PostgreSQL's programs again."""
    kept.write(stack.places.kept, stack.kept)


def _ports(where: Places, before: Kept, say: Callable[[str], None]) -> dict[str, int]:
    records = processes.read_records(where.pids)
    runs = [name for name, record in records.items() if processes.find(record)]
    after = ports.assign(
        where.directory,
        port_names(before.layout),
        before.ports,
        [port for name in runs for port in PORTS_OF.get(name, (name,))],
    )
    for name, port in before.ports.items():
        if after[name] != port:
            say(f"port {port} of {name} is taken by {ports.holder(port)}: it moves to {after[name]}")
    return after


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    failpoints = environment.get("PAINTBOX_FAILPOINTS")
    return processes.inherited(environment) | ({"PAINTBOX_FAILPOINTS": failpoints} if failpoints else {})


def _home(where: Places, current: Kept) -> tuple[Kept, Account | None]:
    """Where PostgreSQL's data lies and whose it is: in the stack's directory, or where its account can reach it."""
    home = Path(current.postgres_home) if current.postgres_home else where.postgres
    if home.exists():
        return current, account_of(home)
    account = server_account()
    if current.postgres_home is None:
        _give(where.postgres, account)
        if can(account, "-w", where.postgres):
            return current, account
        where.postgres.rmdir()
    made = Path(tempfile.mkdtemp(prefix=prefix(where), dir=ELSEWHERE))
    _hand_over(made, account)
    return replace(current, postgres_home=str(made)), account


def _give(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700)
    _hand_over(folder, account)


def _hand_over(folder: Path, account: Account | None) -> None:
    if account:
        os.chown(folder, account.uid, account.gid)


def prefix(where: Places) -> str:
    """How the names of the folders begin that this stack has elsewhere."""
    return f"paintbox-{os.geteuid()}-{sha256(str(where.directory).encode()).hexdigest()[:12]}-"


def homes_elsewhere(where: Places) -> list[Path]:
    """The folders of this stack's PostgreSQL that lie outside of its directory, whether or not they are remembered."""
    return [path for path in ELSEWHERE.glob(f"{prefix(where)}*") if path.is_dir() and not path.is_symlink()]
