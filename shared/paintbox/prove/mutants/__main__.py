"""Runs a module as its users do, but with a mistake in it. Refused in production."""

import os
import runpy
import sys
from typing import Final

from paintbox.prove.mutants.mistakes import MISTAKES

USAGE: Final = "python -m paintbox.prove.mutants <mistake> <module>"


def main() -> None:
    """Make the mistake, then be the module. Exits 2 for a mistake or an environment that does not allow it."""
    if len(sys.argv) != 3 or sys.argv[1] not in MISTAKES:  # noqa: PLR2004 - a mistake and a module
        sys.stderr.write(f"usage: {USAGE}\nmistakes: {', '.join(MISTAKES)}\n")
        raise SystemExit(2)
    if os.environ.get("PAINTBOX_ENVIRONMENT", "production") == "production":
        sys.stderr.write("error: mistakes are made in a local stack only, and PAINTBOX_ENVIRONMENT says production\n")
        raise SystemExit(2)
    _, mistake, module = sys.argv
    MISTAKES[mistake]()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
