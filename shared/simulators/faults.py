"""How a simulator misbehaves when told to: which deliveries come twice, late, in the wrong order, or never."""

from dataclasses import dataclass
from random import Random
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from simulators.storage import Connection, find_steered, restart_numbers, take_numbers, upsert_steered

_NAME: Final = "faults"

Probability = Annotated[float, Field(ge=0, le=1)]


class Delay(BaseModel):
    """How often a delivery is late, and by how much."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    probability: Probability
    seconds: Annotated[float, Field(ge=0, le=86_400)]


class Faults(BaseModel):
    """What is to go wrong; what is not named does not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    duplicate: Probability = 0
    """How often a delivery is made twice, under the same identity."""
    reorder: Probability = 0
    """How often a delivery is held back until a later one of its record has gone, 2 s at most."""
    delay: Delay = Delay(probability=0, seconds=0)
    drop: Probability = 0
    """How often a delivery is never made."""
    same_second: bool = False
    """Two changes of one record may carry the same second."""
    restamp: bool = False
    """CompanyCam: a retry carries the time of this sending as `created_at`, so its bytes are others."""
    patient: bool = False
    """What fails is tried again every 4 s at most, for ever, and no subscription is disabled: nothing stays untold."""
    seed: int = 0
    """The same seed and the same changes give the same faults."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one delivery."""

    dropped: bool = False
    duplicated: bool = False
    held: bool = False
    late_seconds: float = 0


def find_faults(connection: Connection) -> Faults:
    """The faults in force."""
    return Faults.model_validate(find_steered(connection, _NAME) or {})


def upsert_faults(connection: Connection, faults: Faults) -> None:
    """Puts these faults in force, in the place of all others, and begins their dice anew."""
    upsert_steered(connection, _NAME, faults.model_dump())
    restart_numbers(connection, _NAME)


def draw_fates(connection: Connection, faults: Faults, count: int) -> list[Fate]:
    """The fates of the next deliveries, in their order."""
    if not (faults.duplicate or faults.reorder or faults.delay.probability or faults.drop):
        return [Fate()] * count
    return [fate(faults, number) for number in take_numbers(connection, _NAME, count)]


def fate(faults: Faults, number: int) -> Fate:
    """The fate of the delivery with this number since the faults were set."""
    dice = Random(f"{faults.seed}/{number}")  # noqa: S311 - to be repeatable, not to be secret
    drop, duplicate, hold, late = (dice.random() for _ in range(4))
    return Fate(
        dropped=drop < faults.drop,
        duplicated=duplicate < faults.duplicate,
        held=hold < faults.reorder,
        late_seconds=faults.delay.seconds if late < faults.delay.probability else 0,
    )
