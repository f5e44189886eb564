"""`POST /federation/references:check`: which of these rows exist here. For the other services and for validation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from synckit import web
from synckit.postgres import Connection, Pool, Row

PATH: Final = "/federation/references:check"
MOST_REFERENCES: Final = 1_000

Find = Callable[[Connection, Sequence[UUID]], Awaitable[Sequence[Row]]]
"""The rows of one table with these ids, as (id, deleted, merged_into)."""


class Reference(BaseModel):
    """A row that somebody believes to exist."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    table: str
    id: str


class Question(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    references: tuple[Reference, ...] = Field(max_length=MOST_REFERENCES)


def routes(pool: Pool, tables: Mapping[str, Find], tokens: tuple[SecretStr, ...]) -> web.Routes:
    """The route, for the tables that this service owns."""

    async def check(request: web.Request) -> web.Response:
        if not web.has_bearer(request, tokens):
            return _not_authenticated()
        try:
            question = Question.model_validate_json(await web.read_body(request))
        except ValidationError as error:
            return _not_understood(error)
        async with pool.acquire() as connection:
            found = {name: await _found(connection, find, name, question) for name, find in tables.items()}
        return web.json_response({"results": [_result(reference, found) for reference in question.references]})

    return {PATH: {"POST": check}}


async def _found(connection: Connection, find: Find, table: str, question: Question) -> dict[UUID, Row]:
    asked = (_uuid(reference.id) for reference in question.references if reference.table == table)
    ids = {row_id for row_id in asked if row_id is not None}
    return {row["id"]: row for row in await find(connection, list(ids))} if ids else {}


def _result(reference: Reference, found: Mapping[str, Mapping[UUID, Row]]) -> dict[str, Any]:
    row_id = _uuid(reference.id)
    result: dict[str, Any] = {
        "table": reference.table,
        "id": reference.id,
        "exists": False,
        "deleted": False,
        "merged_into": None,
    }
    if reference.table not in found:
        return result | {"error": "unknown table"}
    if row_id is None:
        return result | {"error": "malformed id"}
    row = found[reference.table].get(row_id)
    if row is None:
        return result
    merged_into = row["merged_into"]
    return result | {"exists": True, "deleted": row["deleted"], "merged_into": merged_into and str(merged_into)}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _not_authenticated() -> web.Response:
    return web.problem(
        401, "not_authenticated", "Not authenticated", headers=(("www-authenticate", 'Bearer realm="paintbox"'),)
    )


def _not_understood(error: ValidationError) -> web.Response:
    details = error.errors(include_input=False, include_context=False, include_url=False)
    errors = [{"pointer": f"#/{'/'.join(map(str, detail['loc']))}", "detail": detail["msg"]} for detail in details[:10]]
    problem = web.problem(422, "not_understood", "Not understood", "The body is not a list of references.")
    return web.Response(422, orjson.dumps(orjson.loads(problem.body) | {"errors": errors}), problem.content_type)
