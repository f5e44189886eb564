"""Salesforce, put together: who is told what of a change, and by which kind of request."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

from simulators.deliveries import Delivery, Message
from simulators.salesforce import apex, change_events, outbound_messages, records, signing, subscriptions
from simulators.salesforce.change_events import Commit, Event
from simulators.salesforce.ids import notification_id, record_id
from simulators.salesforce.subscriptions import Apex, ChangeEvents, OutboundMessage, Signed
from simulators.storage import Connection, take_numbers
from simulators.subscriptions import Subscription
from simulators.vendor import Action, Change, Form, Outgoing, Retry, Sending, Vendor

KEPT: Final = Retry(kept_seconds=outbound_messages.KEPT_SECONDS)
"""Outbound Messages, and events that EventBridge passes on: both are tried again for 24 hours."""
ONCE: Final = Retry(most_attempts=1)
"""Apex callouts: nobody tries again, a lost one is lost."""
_NOTIFIED: Final = frozenset({"create", "update"})


def announce(
    connection: Connection, changes: Sequence[Change], told: Sequence[Subscription], moment: int
) -> list[Message]:
    """The messages of one transaction, subscription by subscription."""
    events = _committed(connection, change_events.events_of(changes), moment)
    messages: list[Message] = []
    for subscription in told:
        match subscriptions.options_of(subscription):
            case OutboundMessage() as options:
                messages += _notifications(connection, subscription, options, changes)
            case ChangeEvents() as options:
                messages += _events(subscription, options, events)
            case Apex() as options:
                messages += _callouts(subscription, options, changes)
    return messages


def _committed(connection: Connection, events: Sequence[Event], moment: int) -> list[tuple[Event, Commit]]:
    key = uuid4()
    numbers = take_numbers(connection, "events", len(events))
    return [
        (event, Commit(key, sequence, moment * 1_000_000 + number % 1_000_000, number, moment))
        for sequence, (event, number) in enumerate(zip(events, numbers, strict=True), 1)
    ]


def _notifications(
    connection: Connection, subscription: Subscription, options: OutboundMessage, changes: Iterable[Change]
) -> list[Message]:
    """One for each record; its data is read when it is sent. A deletion makes none, and neither does undeleting."""
    about = [each.after for each in changes if each.action in _NOTIFIED and each.after.object == options.object]
    numbers = take_numbers(connection, "notifications", len(about))
    return [
        Message(
            subscription.id,
            "outbound_message",
            "notification",
            record.object,
            (record.id,),
            notification_id(number).encode(),
        )
        for record, number in zip(about, numbers, strict=True)
    ]


def _events(subscription: Subscription, options: ChangeEvents, events: Iterable[tuple[Event, Commit]]) -> list[Message]:
    return [
        Message(
            subscription.id,
            options.form,
            event.type,
            event.object,
            event.records,
            change_events.cometd(event, commit)
            if options.form == "cometd"
            else change_events.event_relay(event, commit, options.organization_id),
        )
        for event, commit in events
        if event.object in options.objects
    ]


def _callouts(subscription: Subscription, options: Apex, changes: Sequence[Change]) -> list[Message]:
    about = [each for each in changes if each.after.object in options.objects]
    return [
        Message(
            subscription.id,
            "apex",
            apex.OPERATIONS[batch[0].action],
            batch[0].after.object,
            tuple(each.after.id for each in batch),
            apex.body(batch),
        )
        for batch in apex.batches(about)
    ]


def compose_soap(sending: Sending, waiting: Sequence[Delivery]) -> Outgoing:
    """The envelope of these notifications, each with its record's newest data."""
    options = OutboundMessage.model_validate(sending.subscription.options)
    latest = sending.latest()
    notifications = [
        (each.message.content.decode(), outbound_messages.told_of(record_id, latest.get(record_id)))
        for each in waiting
        for record_id in each.message.records
    ]
    return Outgoing(outbound_messages.envelope(options, notifications), outbound_messages.HEADERS)


def compose_json(sending: Sending, waiting: Sequence[Delivery]) -> Outgoing:
    """The event or callout, signed now."""
    options = subscriptions.options_of(sending.subscription)
    body = waiting[0].message.content
    secret, bearer = (options.secret, options.bearer) if isinstance(options, Signed) else (None, None)
    return Outgoing(body, signing.headers(secret, bearer, sending.now, body))


def is_taken(status: int, _: bytes) -> bool:
    """Whether an answer to JSON counts as a success: any 2xx."""
    return status // 100 == 2  # noqa: PLR2004 - the class of the status


FORMS: Final = (
    Form(
        "outbound_message",
        compose_soap,
        outbound_messages.is_acknowledged,
        KEPT,
        size=outbound_messages.LARGEST_ENVELOPE,
        timeout_seconds=outbound_messages.TIMEOUT_SECONDS,
    ),
    Form("cometd", compose_json, is_taken, KEPT),
    Form("event_relay", compose_json, is_taken, KEPT),
    Form("apex", compose_json, is_taken, ONCE),
)

SALESFORCE: Final = Vendor(
    name="salesforce",
    schema="",
    id_field="Id",
    forms=FORMS,
    actions={"undelete": Action(None, records.undelete)},
    attachments={},
    is_known=records.is_known,
    parse_id=records.parse_id,
    make_id=record_id,
    create=records.create,
    change=records.change,
    replace=records.replace,
    delete=records.delete,
    show=records.show,
    announce=announce,
    subscribe=subscriptions.subscribe,
    describe=subscriptions.describe,
)
