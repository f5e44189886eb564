"""Every steering path, and what an error of ours answers."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from simulators import calls, clock, deliveries, faults, given, subscriptions
from simulators.changes import ConflictError, UnknownRecordError
from simulators.deliveries import STATES, Attempt, Delivery, Filter, State
from simulators.resources import Resources
from simulators.steering import record_routes
from simulators.storage import transaction
from simulators.vendor import InvalidInputError
from synckit import times, web

ROOT: Final = "/_simulator/"

Handler = Callable[[Resources, web.Request], Awaitable[web.Response]]


def routes(resources: Resources) -> web.Routes:
    """The steering routes."""
    found: dict[str, dict[str, Handler]] = {
        "records/*": dict.fromkeys(record_routes.METHODS, record_routes.dispatch),
        "subscriptions": {"GET": list_subscriptions, "POST": subscribe},
        "subscriptions/*": {"DELETE": unsubscribe},
        "faults": {"GET": get_faults, "PUT": put_faults, "DELETE": delete_faults},
        "clock": {"GET": get_clock, "PUT": put_clock},
        "calls": {"GET": list_calls},
        "deliveries": {"GET": list_deliveries},
    }
    return {
        f"{ROOT}{path}": {method: _answering(resources, handler) for method, handler in methods.items()}
        for path, methods in found.items()
    }


def _answering(resources: Resources, handler: Handler) -> web.Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(resources, request)
        except InvalidInputError as error:
            return web.problem(400, "invalid_input", "Invalid input", str(error))
        except UnknownRecordError:
            return web.problem(404, "not_found", "Not found")
        except ConflictError as error:
            return web.problem(409, "conflict", "Conflict", str(error))

    return answer


async def list_subscriptions(resources: Resources, _: web.Request) -> web.Response:
    """All subscriptions."""
    found = subscriptions.list_subscriptions(resources.connection)
    return web.json_response({"subscriptions": [resources.vendor.describe(each) for each in found]})


async def subscribe(resources: Resources, request: web.Request) -> web.Response:
    """The subscription with this content, made where there is none."""
    content = await given.read_object(request)
    with transaction(resources.connection):
        made = resources.vendor.subscribe(resources.connection, content, clock.now_ms(resources.connection))
    return web.json_response(resources.vendor.describe(made), 201)


async def unsubscribe(resources: Resources, request: web.Request) -> web.Response:
    """Ends a subscription and gives up what waits for it."""
    with transaction(resources.connection):
        if not subscriptions.delete_subscription(resources.connection, request.tail):
            raise UnknownRecordError
        deliveries.mark_given_up(resources.connection, request.tail)
    return web.Response(204)


async def get_faults(resources: Resources, _: web.Request) -> web.Response:
    """The faults in force."""
    return web.json_response(faults.find_faults(resources.connection).model_dump())


async def put_faults(resources: Resources, request: web.Request) -> web.Response:
    """Puts faults in force; what is not named does not go wrong."""
    asked = given.parse(faults.Faults, await given.read_object(request))
    faults.upsert_faults(resources.connection, asked)
    return web.json_response(asked.model_dump())


async def delete_faults(resources: Resources, _: web.Request) -> web.Response:
    """Ends all faults, for what changes from now on."""
    faults.upsert_faults(resources.connection, faults.Faults())
    return web.Response(204)


async def get_clock(resources: Resources, _: web.Request) -> web.Response:
    """The clock's shift, and what it shows."""
    shift = clock.find_shift(resources.connection)
    return web.json_response(shift.model_dump() | {"now": times.rfc3339(clock.now_ms(resources.connection))})


async def put_clock(resources: Resources, request: web.Request) -> web.Response:
    """Sets the clock's shift."""
    clock.upsert_shift(resources.connection, given.parse(clock.Shift, await given.read_object(request)))
    return await get_clock(resources, request)


async def list_calls(resources: Resources, request: web.Request) -> web.Response:
    """Which requests came to the vendor's own API."""
    asked = given.parameters(request, "after", "limit")
    limit = given.page_size(asked)
    found = calls.list_calls(resources.connection, given.after_number(asked), limit + 1)
    shown = [asdict(each) | {"at": _moment(each.at)} for each in found[:limit]]
    return web.json_response({"calls": shown, "next": found[limit - 1].seq if len(found) > limit else None})


async def list_deliveries(resources: Resources, request: web.Request) -> web.Response:
    """What was, is and will be sent, and how many deliveries are in each state."""
    asked = given.parameters(request, "after", "limit", "state", "record", "subscription", "body")
    limit = given.page_size(asked)
    those = asked["subscription"].split(",") if "subscription" in asked else None
    wanted = Filter(state=_state(asked.get("state")), record=asked.get("record"), subscriptions=those)
    found = deliveries.list_deliveries(resources.connection, given.after_number(asked), limit + 1, wanted)
    with_body = given.choice(asked, "body", default=False)
    return web.json_response(
        {
            "deliveries": [_shown(resources, each, with_body=with_body) for each in found[:limit]],
            "next": found[limit - 1].seq if len(found) > limit else None,
            "counts": deliveries.count_deliveries(resources.connection, those),
        }
    )


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    for state in STATES:
        if state == text:
            return state
    raise InvalidInputError(f"state is none of {', '.join(STATES)}.")


def _shown(resources: Resources, delivery: Delivery, *, with_body: bool) -> dict[str, JsonValue]:
    message = delivery.message
    shown: dict[str, JsonValue] = {
        "seq": delivery.seq,
        "subscription": message.subscription,
        "form": message.form,
        "event": message.event,
        "object": message.object,
        "records": list(message.records),
        "copy_of": delivery.copy_of,
        "created_at": _moment(delivery.created),
        "due_at": _moment(delivery.due),
        "state": delivery.state,
        "attempts": [_attempt(each) for each in delivery.attempts],
        "sha256": delivery.sha256,
    }
    if not with_body:
        return shown
    body = deliveries.find_body(resources.connection, delivery)
    earlier = deliveries.list_earlier_bodies(resources.connection, delivery)
    return shown | {"body": body.decode() if body else None, "earlier_bodies": [one.decode() for one in earlier]}


def _attempt(attempt: Attempt) -> dict[str, JsonValue]:
    return {
        "at": _moment(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "seconds": attempt.seconds,
        "retry_after": attempt.retry_after,
    }


def _moment(seconds: float) -> str:
    return times.rfc3339(int(seconds * 1000))
