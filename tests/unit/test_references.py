"""What is answered of one reference, whatever JSON somebody takes for one."""

from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from synckit import postgres, references, web

HERE: Final = UUID(int=1)
OTHER: Final = UUID(int=2)
FOUND: Final = {"customers": {HERE: {"deleted": True, "merged_into": OTHER}}}


def test_a_row_that_is_here_is_said_as_it_stands() -> None:
    assert references.result({"table": "customers", "id": str(HERE)}, FOUND) == {
        "table": "customers",
        "id": str(HERE),
        "exists": True,
        "deleted": True,
        "merged_into": str(OTHER),
    }


def test_a_row_that_is_not_here_is_no_error() -> None:
    said = references.result({"table": "customers", "id": str(OTHER)}, FOUND)

    assert not said["exists"]
    assert "error" not in said


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ({"table": "customers", "id": "x"}, "malformed id"),
        ({"table": "customers", "id": 7}, "malformed id"),
        ({"table": "customers", "id": None}, "malformed id"),
        ({"table": "customers", "id": [str(HERE)]}, "malformed id"),
        ({"table": "customers"}, "malformed id"),
        ({"table": "crews", "id": str(HERE)}, "unknown table"),
        ({"table": 7, "id": str(HERE)}, "unknown table"),
        ({"table": ["customers"], "id": str(HERE)}, "unknown table"),
        (str(HERE), "unknown table"),
        (7, "unknown table"),
        (None, "unknown table"),
        ([], "unknown table"),
    ],
)
def test_whatever_else_is_asked_does_not_exist_and_why(reference: Any, error: str) -> None:
    said = references.result(reference, FOUND)

    assert (said["exists"], said["error"]) == (False, error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["table", "id", "x"]), inner),
    max_leaves=8,
)


@given(JSON)
def test_whatever_the_json_it_has_an_answer(reference: Any) -> None:
    assert orjson.dumps(references.result(reference, FOUND))


async def test_while_the_database_is_away_the_answer_is_503_with_a_time_to_come_again() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"references": []}'}

    asked = web.Request("POST", references.PATH, "", {"authorization": "Bearer token"}, "", receive)
    async with postgres.create_pool("postgresql://nobody:x@127.0.0.1:1/nowhere", process="test") as pool:
        answer = await references.routes(pool, {}, (SecretStr("token"),))[references.PATH]["POST"](asked)

    assert (answer.status, answer.headers) == (503, (("retry-after", "5"),))
