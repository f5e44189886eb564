"""What a steering request brings: its parameters and its JSON, checked; InvalidInputError where they are wrong."""

from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, JsonValue, ValidationError

from simulators.records import Fields
from simulators.vendor import InvalidInputError
from synckit import web

LARGEST_BODY: Final = 64 * 1024 * 1024
"""10,000 records and room to spare."""
BODY_SECONDS: Final = 60.0
LARGEST_PAGE: Final = 1000
PAGE: Final = 200

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: web.Request) -> JsonValue:
    """The JSON body."""
    body = await web.read_body(request, LARGEST_BODY, BODY_SECONDS)
    try:
        value: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInputError("The body is not JSON.") from None
    return value


async def read_object(request: web.Request) -> Fields:
    """The JSON body, an object."""
    return as_object(await read_json(request))


def as_object(value: JsonValue) -> Fields:
    """The value, an object."""
    if not isinstance(value, dict):
        raise InvalidInputError("The body is not a JSON object.")
    return value


def parse(model: type[Model], value: Fields) -> Model:
    """The value as a model; the error names fields and rules, never values."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_input=False, include_context=False, include_url=False)
        known = ", ".join(model.model_fields)
        wrong = "; ".join(f"{_pointer(each['type'], each['loc'])}: {each['msg']}" for each in details)
        raise InvalidInputError(f"{wrong}. Known are: {known}.") from None


def _pointer(kind: str, path: tuple[int | str, ...]) -> str:
    """Where it is wrong. The name of a field that we do not know is the sender's text, so it is left out."""
    return "#/" + "/".join(str(part) for part in (path[:-1] if kind == "extra_forbidden" else path))


def parameters(request: web.Request, *known: str) -> Mapping[str, str]:
    """The query's parameters, of which only these may be there."""
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    if not given.keys() <= set(known):
        raise InvalidInputError(f"Unknown parameter. Known are: {', '.join(known)}.")
    return given


def page_size(given: Mapping[str, str]) -> int:
    """How many are asked for by `limit`."""
    return _whole(given.get("limit") or str(PAGE), "limit", 1, LARGEST_PAGE)


def after_number(given: Mapping[str, str]) -> int:
    """The number after which to list, by `after`."""
    return _whole(given.get("after") or "0", "after", 0, 2**63 - 1)


def choice(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Whether a parameter says true or false."""
    text = given.get(name) or str(default).lower()
    if text not in {"true", "false"}:
        raise InvalidInputError(f"{name} is neither true nor false.")
    return text == "true"


def _whole(text: str, name: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidInputError(f"{name} is no whole number from {least} to {most}.")
    return int(text)
