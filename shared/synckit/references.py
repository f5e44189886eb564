"""`POST /federation/references:check`: which of these rows exist here. For the other services and for validation."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from synckit import postgres, web
from synckit.failures import describe, passes
from synckit.postgres import Connection, Pool, Row

log = logging.getLogger(__name__)

PATH: Final = "/federation/references:check"
MOST_REFERENCES: Final = 1_000
ANSWER_SECONDS: Final = 5.0

Find = Callable[[Connection, Sequence[UUID]], Awaitable[Sequence[Row]]]
"""The rows of one table with these ids, as (id, deleted, merged_into)."""


Found = Mapping[UUID, Mapping[str, Any]]
"""Rows by their ids."""


class Question(BaseModel):
    """The body of a request. What a reference is made of is judged one by one: a bad one has an answer too."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    references: tuple[Any, ...] = Field(max_length=MOST_REFERENCES)


def routes(pool: Pool, tables: Mapping[str, Find], tokens: tuple[SecretStr, ...]) -> web.Routes:
    """The route, for the tables that this service owns."""

    async def check(request: web.Request) -> web.Response:
        if not web.has_bearer(request, tokens):
            return _not_authenticated()
        try:
            asked = Question.model_validate(orjson.loads(await web.read_body(request))).references
        except orjson.JSONDecodeError:
            return _not_understood([{"pointer": "#", "detail": "Is no JSON"}])
        except ValidationError as error:
            return _not_understood(_errors(error))
        try:
            async with postgres.session_for(pool, ANSWER_SECONDS) as connection:
                found = {name: await _found(connection, find, name, asked) for name, find in tables.items()}
        except Exception as error:
            if not passes(error):
                raise
            log.warning("References cannot be looked up now", extra=describe(error))
            return web.unavailable()
        return web.json_response({"results": [result(reference, found) for reference in asked]})

    return {PATH: {"POST": check}}


async def _found(connection: Connection, find: Find, table: str, asked: Sequence[Any]) -> Found:
    named = (_uuid(_part(reference, "id")) for reference in asked if _part(reference, "table") == table)
    ids = {row_id for row_id in named if row_id is not None}
    return {row["id"]: dict(row) for row in await find(connection, list(ids))} if ids else {}


def result(reference: Any, found: Mapping[str, Found]) -> dict[str, Any]:
    """What is said of one reference, whatever JSON it is; `found` are the rows of each table."""
    table, given = _part(reference, "table"), _part(reference, "id")
    said: dict[str, Any] = {"table": table, "id": given, "exists": False, "deleted": False, "merged_into": None}
    if not isinstance(table, str) or table not in found:
        return said | {"error": "unknown table"}
    row_id = _uuid(given)
    if row_id is None:
        return said | {"error": "malformed id"}
    row = found[table].get(row_id)
    if row is None:
        return said
    merged_into = row["merged_into"]
    return said | {"exists": True, "deleted": row["deleted"], "merged_into": merged_into and str(merged_into)}


def _part(reference: Any, name: str) -> str | float | bool | None:
    """What a reference says there. A list or an object is not said again: it may be as deep as it likes."""
    value = reference.get(name) if isinstance(reference, dict) else None
    return value if isinstance(value, str | int | float | bool) else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _not_authenticated() -> web.Response:
    return web.problem(
        401, "not_authenticated", "Not authenticated", headers=(("www-authenticate", 'Bearer realm="paintbox"'),)
    )


def _errors(error: ValidationError) -> list[dict[str, str]]:
    details = error.errors(include_input=False, include_context=False, include_url=False)
    return [{"pointer": f"#/{'/'.join(map(str, detail['loc']))}", "detail": detail["msg"]} for detail in details]


def _not_understood(errors: list[dict[str, str]]) -> web.Response:
    problem = web.problem(422, "not_understood", "Not understood", "The body is not a list of references.")
    return web.Response(422, orjson.dumps(orjson.loads(problem.body) | {"errors": errors}), problem.content_type)
