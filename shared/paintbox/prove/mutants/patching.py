"""Putting something in the place of a function of the product, which must be there."""

from typing import Any


class MissingError(Exception):
    """The product has no function of this name any more: the mistake has to be thought of anew."""


def replace(owner: Any, name: str, mistaken: Any) -> None:
    """From now on the module or class has this in the place of that. Raises MissingError where it has no such thing."""
    get(owner, name)
    setattr(owner, name, mistaken)


def get(owner: Any, name: str) -> Any:
    """What the module or class has under this name. Raises MissingError where it has no such thing."""
    try:
        return getattr(owner, name)
    except AttributeError:
        raise MissingError(f"{getattr(owner, '__name__', owner)} has no {name} any more") from None
