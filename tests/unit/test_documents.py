"""JSON that JSONB would refuse, or that is not read alike everywhere, is refused before anything is written."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synckit import documents
from synckit.errors import PoisonError

NOT_JSON = {
    "b34 NaN": b'{"a": NaN}',
    "b34 infinity": b'{"a": -Infinity}',
    "b35 1e400": b'{"a": 1e400}',
    "b38 deep": b"[" * 2_000 + b"]" * 2_000,
    "b43 latin-1": b'{"a": "caf\xe9"}',
    "b44 empty": b"",
    "b44 trailing garbage": b"{} x",
    "b44 trailing comma": b"[1,]",
    "b44 comment": b"{} // x",
    "b44 single quotes": b"{'a': 1}",
    "lone surrogate": rb'{"a": "\ud800"}',
    "cut off": b'{"a": ',
}


def code_for(body: bytes) -> str:
    with pytest.raises(PoisonError) as refused:
        documents.parse(body)
    return refused.value.code


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_everywhere_is_refused(body: bytes) -> None:
    assert code_for(body) == "not_json"


@pytest.mark.parametrize("body", [rb'{"a": "x\u0000y"}', rb'{"a\u0000": 1}', rb'["\\", "\u0000"]'])
def test_b32_an_escaped_nul_is_refused(body: bytes) -> None:
    assert code_for(body) == "nul_character"


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert documents.parse(rb'{"a": "\\u0000"}') == {"a": r"\u0000"}


def test_b41_a_byte_order_mark_is_taken_off() -> None:
    assert documents.parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_b40_b73_the_value_of_a_doubled_key_that_nobody_sees_does_not_reach_jsonb_either() -> None:
    assert documents.for_jsonb(rb'{"a": "\u0000", "a": 1}') == b'{"a":1}'
    assert documents.for_jsonb(rb'{"a": "\u0001"}') == rb'{"a": "\u0001"}'


def test_b40_of_doubled_keys_the_last_one_counts() -> None:
    assert documents.parse(b'{"id": "1", "id": "2"}') == {"id": "2"}


def test_b52_too_many_keys_are_refused() -> None:
    assert code_for(json.dumps({f"k{at}": 1 for at in range(60_001)}).encode()) == "too_many_keys"


def test_b52_many_small_objects_count_together() -> None:
    assert code_for(json.dumps([{"a": 1, "b": 2}] * 30_001).encode()) == "too_many_keys"


def test_b52_a_key_of_a_megabyte_is_refused() -> None:
    assert code_for(json.dumps({"k" * 1_000_000: 1}).encode()) == "too_many_keys"


@pytest.mark.parametrize(
    "body", [b"[" * 201 + b"]" * 201, b'{"a":' * 201 + b"1" + b"}" * 201], ids=["lists", "objects"]
)
def test_what_is_too_deep_to_be_written_anew_is_refused(body: bytes) -> None:
    assert code_for(body) == "too_deep"


def test_what_is_just_not_too_deep_can_be_written_inside_an_object_of_ours() -> None:
    value = documents.parse(b"[" * 200 + b"]" * 200)

    assert documents.parse(documents.dumps(value)) == value
    assert documents.dumps({"fields": {"a": [value]}})


def test_many_brackets_beside_one_another_are_not_deep() -> None:
    assert documents.parse(b"[" + b"[]," * 500 + b"{}]")


def test_b52_a_key_called_proto_is_a_key() -> None:
    assert documents.parse(b'{"__proto__": {"a": 1}}') == {"__proto__": {"a": 1}}


def test_b53_text_that_would_be_code_elsewhere_is_text() -> None:
    text = '=HYPERLINK("http://x") \'; drop table customers; -- {{7*7}}'

    assert documents.parse(json.dumps({"a": text}).encode()) == {"a": text}


text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text
nested = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", max_size=5), inner), max_leaves=20
)


@given(nested)
def test_what_python_writes_is_read_alike(value: Any) -> None:
    assert documents.parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_our_error_leaves(body: bytes) -> None:
    with suppress(PoisonError):
        documents.parse(body)
