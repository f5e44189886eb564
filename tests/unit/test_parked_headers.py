"""Headers survive in JSONB whatever they hold: a redriven record is the record that was consumed."""

import orjson
import pytest

from synckit.parking.kept import headers_from, headers_kept


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_id", b"1"), ("traceparent", "é".encode())],
        [("binary", b"\xff\x00"), ("nul", b"a\x00b"), ("empty", b"")],
        [("twice", b"1"), ("twice", b"\xff"), ("once", b"2")],
    ],
    ids=repr,
)
def test_headers_come_back_as_they_were(headers: list[tuple[str, bytes]]) -> None:
    kept = orjson.loads(orjson.dumps(headers_kept(headers)))

    assert list(headers_from(kept)) == headers


def test_what_jsonb_cannot_hold_is_not_in_what_is_kept() -> None:
    kept = orjson.dumps(headers_kept([("na\x00me", b"\x00"), ("null", None)]))

    assert b"\\u0000" not in kept
    assert list(headers_from(orjson.loads(kept))) == [("name", b"\x00"), ("null", b"")]
