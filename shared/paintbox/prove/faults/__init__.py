"""What can be done to a rig: a row a kind, with how it is healed and why a machine may not be able to."""

from collections.abc import Sequence
from typing import Final

from paintbox.errors import OperatorError
from paintbox.prove.faults import databases, links, processes, topics
from paintbox.prove.faults.kind import Heal, Kind

__all__ = ["KINDS", "Heal", "Kind", "named"]

KINDS: Final = (*processes.KINDS, *databases.KINDS, *links.KINDS, *topics.KINDS)


def named(names: Sequence[str] | None) -> list[Kind]:
    """The kinds of these names, in our order; all of them for None. OperatorError for no name, or a wrong one."""
    known = {kind.name for kind in KINDS}
    if names is not None and not names:
        raise OperatorError(f"no fault is named. There are: {', '.join(sorted(known))}.")
    unknown = sorted(set(names or ()) - known)
    if unknown:
        raise OperatorError(f"no such fault: {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
    return [kind for kind in KINDS if names is None or kind.name in names]
