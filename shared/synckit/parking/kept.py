"""Bytes and headers of a record as JSONB keeps them, and as they were."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

NUL: Final = "\x00"
"""What PostgreSQL takes in no text."""


def headers_kept(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, Any]:
    """Headers as JSONB keeps them: by name, the values of one that is given more than once in a list.

    A value is text, `{"base64": …}` where JSONB could not hold it, or null. A name loses its U+0000.
    """
    kept: dict[str, Any] = {}
    for raw_name, value in headers:
        name = raw_name.replace(NUL, "")
        kept[name] = _kept(value) if name not in kept else [*_listed(kept[name]), _kept(value)]
    return kept


def headers_from(kept: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The headers again, as a consumer is handed them; null is empty."""
    return ((name, _value(one)) for name, values in kept.items() for one in _listed(values))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kept(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = NUL
    return {"base64": in_base64(value)} if NUL in text else text


def _value(kept: Any) -> bytes:
    if isinstance(kept, dict):
        return b64decode(kept["base64"])
    return (kept or "").encode()


def in_base64(value: bytes | None) -> str | None:
    """As text; None of none."""
    return None if value is None else b64encode(value).decode()
