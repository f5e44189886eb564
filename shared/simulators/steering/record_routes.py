"""Records: make, look at, change, delete them. Each change is told to the subscriptions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from simulators import changes, given, records
from simulators.changes import UnknownRecordError
from simulators.records import Fields, Record
from simulators.resources import Resources
from simulators.vendor import Action, InvalidInputError
from synckit import web

MOST_RECORDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """What a request's path names below `/_simulator/records/`."""

    object: str
    id: str = ""
    action: str = ""


class ManyChanges(BaseModel):
    """The same change to many records."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ids: Annotated[list[str], Field(min_length=1, max_length=MOST_RECORDS)]
    fields: dict[str, JsonValue]


Handler = Callable[[Resources, web.Request, Target], Awaitable[web.Response]]


async def list_records(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """A page of the records of one kind."""
    asked = given.parameters(request, "after", "limit", "deleted")
    page = records.list_records(
        resources.connection,
        target.object,
        asked.get("after", ""),
        given.page_size(asked),
        deleted=given.choice(asked, "deleted", default=True),
    )
    following = page.records[-1].id if page.has_next else None
    return web.json_response({"records": _shown(resources, page.records), "next": following, "total": page.total})


async def create_records(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """One new record or many."""
    body = await given.read_json(request)
    if not isinstance(body, list):
        made = changes.create(resources, target.object, [given.as_object(body)])
        return web.json_response(_shown(resources, made)[0], 201)
    if not 1 <= len(body) <= MOST_RECORDS:
        raise InvalidInputError(f"The array does not hold 1 to {MOST_RECORDS} records.")
    made = changes.create(resources, target.object, [given.as_object(each) for each in body])
    return web.json_response({"records": _shown(resources, made)}, 201)


async def change_many(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """The same change to many records."""
    asked = given.parse(ManyChanges, await given.read_object(request))
    ids = list(dict.fromkeys(resources.vendor.parse_id(each) for each in asked.ids))
    changed = await changes.apply(
        resources, target.object, ids, "update", _unless_deleted(resources.vendor.change, asked.fields)
    )
    return web.json_response({"records": _shown(resources, changed)})


async def get_record(resources: Resources, _: web.Request, target: Target) -> web.Response:
    """One record."""
    return _one(resources, changes.find_record(resources, target.object, target.id))


async def change_record(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """Some of its fields changed."""
    fields = await given.read_object(request)
    changed = await changes.apply(
        resources, target.object, [target.id], "update", _unless_deleted(resources.vendor.change, fields)
    )
    return _one(resources, changed[0])


async def replace_record(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """All of its fields replaced."""
    fields = await given.read_object(request)
    changed = await changes.apply(
        resources, target.object, [target.id], "update", _unless_deleted(resources.vendor.replace, fields)
    )
    return _one(resources, changed[0])


async def delete_record(resources: Resources, _: web.Request, target: Target) -> web.Response:
    """Softly deleted; nothing happens where it is already."""
    await changes.apply(resources, target.object, [target.id], "delete", resources.vendor.delete)
    return web.Response(204)


async def act(resources: Resources, request: web.Request, target: Target) -> web.Response:
    """One of the vendor's actions, or a label or tag put on."""
    attachments = resources.vendor.attachments.get(target.action)
    if attachments is not None and attachments.object == target.object:
        fields = await given.read_object(request)
        attached, is_new = await changes.attach(resources, target.action, target.id, fields)
        return web.json_response(attached, 201 if is_new else 200)
    action = _action(resources, target)
    acted = await changes.apply(resources, target.object, [target.id], target.action, action.apply)
    return _one(resources, acted[0])


async def list_attached(resources: Resources, _: web.Request, target: Target) -> web.Response:
    """The labels or the tags of a record."""
    attachments = resources.vendor.attachments.get(target.action)
    if attachments is None or attachments.object != target.object:
        raise UnknownRecordError
    record = changes.find_record(resources, target.object, target.id)
    return web.json_response({target.action: attachments.list(resources.connection, record)})


_BY_DEPTH: Final[Mapping[int, Mapping[str, Handler]]] = {
    1: {"GET": list_records, "POST": create_records, "PATCH": change_many},
    2: {"GET": get_record, "PATCH": change_record, "PUT": replace_record, "DELETE": delete_record},
    3: {"GET": list_attached, "POST": act},
}
"""How many segments the path has below `/_simulator/records/` → method → handler."""
METHODS: Final = tuple(sorted({method for methods in _BY_DEPTH.values() for method in methods}))


async def dispatch(resources: Resources, request: web.Request) -> web.Response:
    """Answers a request below `/_simulator/records/`. UnknownRecordError where the path names nothing."""
    parts = request.tail.split("/")
    methods = _BY_DEPTH.get(len(parts))
    if methods is None:
        raise UnknownRecordError
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(sorted(methods))
        return web.problem(
            405, "method_not_allowed", "Method not allowed", f"Allowed: {allowed}.", (("allow", allowed),)
        )
    return await handler(resources, request, _target(resources, parts))


def _target(resources: Resources, parts: list[str]) -> Target:
    if not resources.vendor.is_known(parts[0]):
        raise UnknownRecordError
    try:
        return Target(parts[0], *map(resources.vendor.parse_id, parts[1:2]), *parts[2:])
    except InvalidInputError:
        raise UnknownRecordError from None


def _unless_deleted(change: Callable[[Record, Fields, int], Record], fields: Fields) -> Callable[[Record, int], Record]:
    def changed(record: Record, moment: int) -> Record:
        changes.refuse_deleted(record)
        return change(record, fields, moment)

    return changed


def _action(resources: Resources, target: Target) -> Action:
    action = resources.vendor.actions.get(target.action)
    if action is None or (action.objects is not None and target.object not in action.objects):
        raise UnknownRecordError
    return action


def _one(resources: Resources, record: Record) -> web.Response:
    return web.json_response(_shown(resources, [record])[0])


def _shown(resources: Resources, found: Sequence[Record]) -> list[Fields]:
    return resources.vendor.show(resources.connection, found)
