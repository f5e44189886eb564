"""Questions that may find nobody: each has some seconds, and what goes wrong is an answer too."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from paintbox.databases import DatabaseError
from paintbox.errors import OperatorError

SECONDS: Final = 8.0
"""What is down refuses at once; only what is frozen, or works on a busy machine, takes longer."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What was answered, or why nothing was."""

    value: Value | None
    problem: str | None = None


async def ask(question: Awaitable[Value], seconds: float = SECONDS) -> Answer[Value]:
    """The answer, or the problem in a sentence; within this time in any case."""
    try:
        async with asyncio.timeout(seconds):
            return Answer(await question)
    except TimeoutError:
        return Answer(None, f"does not answer within {seconds:.0f} s")
    except (OperatorError, DatabaseError, OSError) as error:
        return Answer(None, str(error))
