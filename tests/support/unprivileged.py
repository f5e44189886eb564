"""Run as root: becomes the user `nobody`, then brings parts of a stack up, twice, and takes them down again.

What Python needs is imported before, for that user may not reach the interpreter's own folder.
"""

import concurrent.futures.thread  # noqa: F401 - asyncio imports it late, when its file cannot be read any more
import json
import os
import pwd
import sys
from pathlib import Path

from support.stacks import down, parts_named, places_in, up


def main() -> None:
    """Prints what became of each part, both times."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    where, parts = places_in(Path(sys.argv[1])), parts_named("postgres", "databases")
    try:
        results = [up(where, parts)[0] for _ in range(2)]
        owner = (where.postgres / "data").owner()
    finally:
        down(where, parts)
    print(json.dumps({"owner": owner, "outcomes": [[result.outcome for result in each] for each in results]}))  # noqa: T201


if __name__ == "__main__":
    main()
