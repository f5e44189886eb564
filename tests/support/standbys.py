"""A PostgreSQL's copies of itself: backups of its data, and standbys."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paintbox.stack import postgres
from paintbox.stack.account import Account, run_as
from support.programs import free_port


@dataclass(frozen=True, slots=True)
class Cluster:
    """The data of a PostgreSQL, and what works on it."""

    data: Path
    programs: Path
    account: Account | None
    dsn: str

    def run(self, program: str, *words: str) -> None:
        done = run_as(self.account, [str(self.programs / program), *words])
        assert done.returncode == 0, done.stderr

    @property
    def copy(self) -> Path:
        return self.data.with_name("copy")

    def take_the_place(self) -> None:
        """The copy is the data now."""
        shutil.rmtree(self.data)
        self.copy.rename(self.data)


@contextmanager
def standby(cluster: Cluster) -> Iterator[Path]:
    """An asynchronous standby of it, while the block lasts; its data."""
    cluster.run("pg_basebackup", "-D", str(cluster.copy), "-d", cluster.dsn, "--checkpoint=fast", "-R")
    options = shlex.join(postgres.arguments(cluster.copy, free_port())[2:])
    log = str(cluster.data.with_name("standby.log"))
    cluster.run("pg_ctl", "start", "--wait", "-D", str(cluster.copy), "-l", log, "-o", options)
    try:
        yield cluster.copy
    finally:
        cluster.run("pg_ctl", "stop", "--wait", "-D", str(cluster.copy), "-m", "fast")
