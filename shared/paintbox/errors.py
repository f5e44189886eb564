"""What an operator can do something about."""

from typing import Final

HOW_TO_REACH: Final = (
    "`make up` starts the local stack, `paintbox up --directory …` another one; or this shell holds an old `.local/env`"
)
"""What to say where a server is not there: after `make clean` and `make up` it has another port and password."""


class OperatorError(Exception):
    """One sentence that says what is wrong, and what to do about it. It is shown as it is: never a secret in it."""
