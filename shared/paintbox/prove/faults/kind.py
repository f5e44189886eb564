"""What a kind of fault is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig

Heal = Callable[[], Awaitable[None]]
"""Undoes the fault and waits until what it hit is ready. Raises OperatorError where that does not come."""

POSTGRES: Final = "postgres"
KAFKA: Final = "kafka"
EDGE: Final = "edge"
PROCESS: Final = "process"
SERVICE: Final = "service"


async def nothing() -> None:
    """Heals what is over by itself."""


def always(_: "Rig") -> str | None:
    """Any machine can."""
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to harm the rig."""

    name: str
    hits: str
    """What one such fault takes for itself: POSTGRES, KAFKA, EDGE, one PROCESS of a service, or all of a SERVICE."""
    says: str
    """What is done, for a person; `{target}` is to what."""
    seconds: tuple[float, float]
    """How long it lasts, at least and at most."""
    inject: Callable[["Rig", str], Awaitable[Heal]]
    """Does it to the target; gives what heals it."""
    possible: Callable[["Rig"], str | None] = always
    """Why this machine cannot inject it; None where it can."""
    aftermath: str = ""
    """Why what it hit may end by itself between the healing and the recovery, where it may."""
