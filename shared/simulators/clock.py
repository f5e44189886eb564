"""The simulator's clock: real time plus a shift that is steered. It stamps changes; deliveries run on real time."""

import asyncio
import time
from collections.abc import Callable, Container
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from simulators.storage import Connection, find_steered, upsert_steered

_NAME: Final = "clock"
_LONGEST_SHIFT: Final = 20 * 365 * 86_400


class Shift(BaseModel):
    """How many seconds the clock goes before real time; negative: behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    shift_seconds: Annotated[float, Field(ge=-_LONGEST_SHIFT, le=_LONGEST_SHIFT)] = 0


def find_shift(connection: Connection) -> Shift:
    """The shift in force; 0 where none was ever set."""
    return Shift.model_validate(find_steered(connection, _NAME) or {})


def upsert_shift(connection: Connection, shift: Shift) -> None:
    """Sets the clock, for good."""
    upsert_steered(connection, _NAME, shift.model_dump())


def now_ms(connection: Connection) -> int:
    """What the clock shows, in milliseconds since 1970."""
    return int((time.time() + find_shift(connection).shift_seconds) * 1000)


async def moment_outside(connection: Connection, taken: Callable[[], Container[int]]) -> int:
    """What the clock shows, in milliseconds, as soon as it shows a second that is not taken.

    Vendors stamp whole seconds, so two changes of one record within one second could not be told apart by anybody.
    `taken` is asked anew after each wait; whoever uses the moment before the next await has that second.
    """
    while (moment := now_ms(connection)) // 1000 in taken():  # noqa: ASYNC110 - time passes, nobody could signal it
        await asyncio.sleep((1000 - moment % 1000) / 1000)
    return moment
