"""The part of CompanyCam's own API (v2) that registers webhooks, with its statuses and its error bodies."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from simulators import clock, deliveries, given, subscriptions
from simulators.companycam.subscriptions import Registration, describe, insert, update
from simulators.resources import Resources
from simulators.settings import SimulatorSettings
from simulators.steering.routes import ROOT
from simulators.storage import transaction
from simulators.vendor import InvalidInputError
from synckit import web

PAGE: Final = 50
_TOO_MANY: Final = 1_000_000
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Handler = Callable[[Resources, web.Request], Awaitable[web.Response]]


def routes(resources: Resources, settings: SimulatorSettings) -> web.Routes:
    """The routes; whatever CompanyCam does not know leads to its login page, never to a 404."""
    found: dict[str, dict[str, Handler]] = {
        "/v2/webhooks": {"GET": list_webhooks, "POST": create_webhook},
        "/v2/webhooks/*": {"GET": get_webhook, "PUT": change_webhook, "DELETE": delete_webhook},
    }
    known = {
        path: dict.fromkeys(METHODS, sign_in)
        | {method: _answering(resources, settings, handler) for method, handler in methods.items()}
        for path, methods in found.items()
    }
    return {**known, "/": dict.fromkeys(METHODS, sign_in), "/*": dict.fromkeys(METHODS, sign_in)}


def _answering(resources: Resources, settings: SimulatorSettings, handler: Handler) -> web.Handler:
    async def answer(request: web.Request) -> web.Response:
        if not _is_authorized(request, settings):
            return _error(401, "Unauthorized")
        try:
            return await handler(resources, request)
        except InvalidInputError:
            return _error(400, "Bad Request")

    return answer


def _is_authorized(request: web.Request, settings: SimulatorSettings) -> bool:
    if settings.simulator_access_tokens:
        return web.has_bearer(request, settings.simulator_access_tokens)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token.strip())


async def sign_in(request: web.Request) -> web.Response:
    """The login page, or the way to it: that is what an unknown path answers."""
    if request.path.startswith(ROOT):
        return web.problem(404, "not_found", "Not found")
    if request.path == "/users/sign_in":
        return web.Response(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
    return web.Response(302, b"", "text/html; charset=utf-8", (("location", "/users/sign_in"),))


async def list_webhooks(resources: Resources, request: web.Request) -> web.Response:
    """A bare array, 50 webhooks a page unless `per_page` says otherwise."""
    asked = dict(parse_qsl(request.query))
    page, size = _positive(asked.get("page"), 1), _positive(asked.get("per_page"), PAGE)
    found = subscriptions.list_subscriptions(resources.connection)[(page - 1) * size : page * size]
    return web.json_response([describe(each) for each in found])


async def create_webhook(resources: Resources, request: web.Request) -> web.Response:
    """Registers one more; posting twice makes two."""
    asked = given.parse(Registration, await given.read_object(request))
    with transaction(resources.connection):
        made = insert(resources.connection, asked, clock.now_ms(resources.connection))
    return web.json_response(describe(made), 201)


async def get_webhook(resources: Resources, request: web.Request) -> web.Response:
    """One webhook."""
    found = subscriptions.find_subscription(resources.connection, request.tail)
    return _not_found() if found is None else web.json_response(describe(found))


async def change_webhook(resources: Resources, request: web.Request) -> web.Response:
    """Changes what is given; `scopes` are replaced, not merged. `enabled` true brings a disabled one back."""
    content = await given.read_object(request)
    with transaction(resources.connection):
        found = subscriptions.find_subscription(resources.connection, request.tail)
        if found is None:
            return _not_found()
        changed = update(resources.connection, found, content, clock.now_ms(resources.connection))
    return web.json_response(describe(changed), 201)


async def delete_webhook(resources: Resources, request: web.Request) -> web.Response:
    """Ends a webhook and gives up what waits for it."""
    with transaction(resources.connection):
        if not subscriptions.delete_subscription(resources.connection, request.tail):
            return _not_found()
        deliveries.mark_given_up(resources.connection, request.tail)
    return web.Response(204)


def _positive(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and 0 < int(text) < _TOO_MANY else otherwise


def _not_found() -> web.Response:
    return _error(404, "Record not found")


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"errors": [text]}, status)
