"""JSON as both databases take it: what PostgreSQL's JSONB would refuse is refused here, before anything is written."""

import re
from typing import Any, Final

import orjson

from synckit.errors import PoisonError

BOM: Final = b"\xef\xbb\xbf"
MOST_KEYS: Final = 60_000
"""Above what a megabyte of records holds: 1,000 of them, new and old, with 24 fields each, have 50,000."""
LONGEST_KEY: Final = 1_000
DEEPEST: Final = 200
"""Levels. orjson reads 1,024 of them and writes 254, and what is read is written anew inside objects of ours."""
_AROUND: Final = 254 - DEEPEST
_LONG_NUMBER: Final = re.compile(rb"[eE][+-]?[0-9]{4}|[0-9]{5000}")
"""What may be a number of more than 16,383 digits behind the point, which PostgreSQL refuses and no float holds."""
_NUL: Final = b"\\u0000"
_SMALL: Final = LONGEST_KEY + 100
"""A document of fewer bytes can break neither limit."""


def parse(body: bytes) -> Any:
    """The value of a JSON document; PoisonError for what is none, or what JSONB cannot hold.

    Accepted: a byte order mark, doubled keys (the last one counts). Refused: NaN and infinities, numbers that are not
    finite, text that is not UTF-8, U+0000, lone surrogates, nesting over 200, more than 60,000 keys, a key of more
    than 1,000 characters.
    """
    try:
        value = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError:
        raise PoisonError("not_json", "the body is not a JSON document") from None
    if _NUL in body or (len(body) > _SMALL and not _is_modest(body)):
        _check(value)
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_deep(value):
        raise PoisonError("too_deep", f"the document is nested more than {DEEPEST} deep")
    return value


def for_jsonb(body: bytes) -> bytes:
    """The text of a document as JSONB takes it: as it is, or written anew where JSONB would refuse something in it.

    PoisonError as `parse`.
    """
    parse(body)
    return parsed_for_jsonb(body)


def parsed_for_jsonb(body: bytes) -> bytes:
    """The same of a document that `parse` has taken before."""
    text = body.removeprefix(BOM)
    # JSONB looks at the value of a doubled key too that another one overwrites, and that nobody else sees.
    is_refused = _LONG_NUMBER.search(text) or _NUL in text
    return dumps(orjson.loads(text)) if is_refused else text


def _is_modest(body: bytes) -> bool:
    """Whether the text alone shows that no limit is broken: few colons, and no long stretch between two quotes."""
    if b'\\"' in body or (len(body) > MOST_KEYS and body.count(b":") > MOST_KEYS):
        return False
    at = 0
    while len(body) - at > LONGEST_KEY:
        quote = body.rfind(b'"', at, at + LONGEST_KEY + 1)
        if quote < 0:
            return False
        at = quote + 1
    return True


def _check(root: Any) -> None:
    """Walks without recursion: the document may be as deep as the parser allows."""
    todo, keys = [root], 0
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            keys += len(value)
            todo.extend(value)
            todo.extend(value.values())
            if keys > MOST_KEYS or any(len(key) > LONGEST_KEY for key in value):
                raise PoisonError("too_many_keys", "the document has too many keys, or one that is too long")
        elif isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, str) and "\x00" in value:
            raise PoisonError("nul_character", "the document holds U+0000, which PostgreSQL cannot store")


def _is_deep(value: Any) -> bool:
    for _ in range(_AROUND):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False


def dumps(value: Any) -> bytes:
    """The JSON text of a value. It holds as much memory as it has bytes; orjson's own holds up to twelve times that."""
    return bytes(memoryview(orjson.dumps(value)))
