"""Webhooks: which events a change makes, their envelope, and their signature."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

from simulators.companycam.records import show
from simulators.companycam.subscriptions import Webhook
from simulators.deliveries import Delivery, Message
from simulators.records import Fields
from simulators.storage import Connection
from simulators.subscriptions import Subscription
from simulators.vendor import Change, Form, Outgoing, Retry, Sending

SIGNATURE: Final = "X-CompanyCam-Signature"
ATTEMPTS: Final = 10
MOST_ERRORS: Final = 25
"""One more disables the webhook (docs.companycam.com, Webhooks)."""
_OK: Final = 200

_RESOURCES: Final[Mapping[str, str]] = {
    "projects": "project",
    "photos": "photo",
    "documents": "document",
    "comments": "comment",
    "todo_lists": "todo_list",
}
_EVENTS: Final[Mapping[tuple[str, str], str]] = {
    ("projects", "create"): "project.created",
    ("projects", "update"): "project.updated",
    ("projects", "restore"): "project.updated",
    ("projects", "archive"): "project.archived",
    ("projects", "delete"): "project.deleted",
    ("projects", "labels"): "project.label_added",
    ("photos", "tags"): "photo.tag_added",
    ("documents", "create"): "document.created",
    ("documents", "update"): "document.updated",
    ("comments", "create"): "comment.created",
    ("todo_lists", "create"): "todo_list.created",
    ("todo_lists", "delete"): "todo_list.deleted",
}
"""Kind and action → event. Whatever else happens to a record is silent, as at CompanyCam: a photo's deletion too."""
_ATTACHED: Final[Mapping[str, str]] = {"labels": "label", "tags": "tag"}


def events_of(change: Change) -> list[str]:
    """The events that a change makes."""
    found = _EVENTS.get((change.after.object, change.action))
    if found is not None:
        return [found]
    if change.after.object == "photos":
        return _photo_events(change)
    is_completed = _newly(change, "completed_at") and change.after.fields.get("completed_at") is not None
    return ["todo_list.completed"] if change.after.object == "todo_lists" and is_completed else []


def _photo_events(change: Change) -> list[str]:
    """A photo is told of once it is processed; that its description alone changed is an event of its own."""
    after = change.after.fields
    if change.action not in {"create", "update"} or after.get("processing_status") != "processed":
        return []
    if _newly(change, "processing_status"):
        return ["photo.created"]
    changed = {name for name in after if _newly(change, name)} - {"updated_at"}
    described = ["photo.description_updated"] if "description" in changed else []
    return described + (["photo.updated"] if changed - {"description"} else [])


def _newly(change: Change, name: str) -> bool:
    return change.before is None or change.before.fields.get(name) != change.after.fields.get(name)


def announce(
    connection: Connection, changes: Sequence[Change], told: Sequence[Subscription], moment: int
) -> list[Message]:
    """The deliveries of these changes, in their order."""
    shown = show(connection, [each.after for each in changes])
    hooks = [(each, Webhook.model_validate(each.options)) for each in told]
    return [
        Message(
            subscription.id,
            "webhook",
            event,
            change.after.object,
            (change.after.id,),
            envelope(event, moment // 1000, _payload(change, fields), int(subscription.id)),
        )
        for change, fields in zip(changes, shown, strict=True)
        for event in events_of(change)
        for subscription, hook in hooks
        if is_in_scope(event, hook.scopes)
    ]


def is_in_scope(event: str, scopes: Iterable[str]) -> bool:
    """Whether one of the scopes covers the event: `*`, `photo.*`, or its name."""
    resource = event.partition(".")[0]
    return not {"*", f"{resource}.*", event}.isdisjoint(scopes)


def envelope(event: str, second: int, payload: Fields, webhook_id: int) -> bytes:
    """The body of a delivery. It has no id of its own: `webhook_id` is the subscription's."""
    return orjson.dumps({"event_type": event, "created_at": second, "payload": payload, "webhook_id": webhook_id})


def _payload(change: Change, fields: Fields) -> Fields:
    resource = {_RESOURCES[change.after.object]: dict(fields)}
    return resource if change.attached is None else {**resource, _ATTACHED[change.action]: dict(change.attached)}


def signature(token: str, body: bytes) -> str:
    """Base64 of the HMAC-SHA1 of the body's bytes under the webhook's token."""
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha1).digest()).decode()


def compose(sending: Sending, waiting: Sequence[Delivery]) -> Outgoing:
    """The delivery, signed. A retry has the same bytes, unless the fault `restamp` gives it this sending's time."""
    (delivery,) = waiting
    body = delivery.message.content
    if sending.faults.restamp and delivery.attempts:
        body = orjson.dumps({**orjson.loads(body), "created_at": int(sending.now)})
    token = Webhook.model_validate(sending.subscription.options).token
    return Outgoing(body, {"Content-Type": "application/json", SIGNATURE: signature(token, body)})


def is_taken(status: int, _: bytes) -> bool:
    """Whether an answer counts: exactly 200 does, 201, 202 and 204 do not."""
    return status == _OK


FORM: Final = Form("webhook", compose, is_taken, Retry(most_attempts=ATTEMPTS), most_errors=MOST_ERRORS)
