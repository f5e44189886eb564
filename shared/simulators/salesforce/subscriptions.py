"""The three kinds of subscription that Salesforce offers, and how one is kept."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from simulators import given, subscriptions
from simulators.addresses import HttpUrl
from simulators.records import Fields
from simulators.salesforce.definitions import ORGANIZATION_ID
from simulators.salesforce.signing import key_of
from simulators.storage import Connection, take_numbers
from simulators.subscriptions import Subscription
from simulators.vendor import InvalidInputError


def _has_a_key(secret: str) -> str:
    if not key_of(secret):
        raise ValueError("is empty")
    return secret


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=80)]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=500)]
Id = Annotated[str, Field(pattern=r"^([A-Za-z0-9]{15}|[A-Za-z0-9]{18})$")]
Secret = Annotated[str | None, AfterValidator(lambda text: text if text is None else _has_a_key(text))]
Bearer = Annotated[str | None, Field(pattern=r"^[\x21-\x7e]+$")]


class Options(BaseModel):
    """What every kind has."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl


class OutboundMessage(Options):
    """An Outbound Message definition: one kind of record, the fields that it carries, one endpoint."""

    kind: Literal["outbound_message"]
    object: Name
    organization_id: Id
    action_id: Id
    fields: Names


class Signed(Options):
    """What the JSON kinds have: the kinds of record they tell of, and what shows who sends."""

    objects: Names
    secret: Secret = Field(default=None, repr=False)
    bearer: Bearer = Field(default=None, repr=False)


class ChangeEvents(Signed):
    """Change Data Capture, passed on over HTTP."""

    kind: Literal["change_events"]
    form: Literal["cometd", "event_relay"]
    organization_id: Id = ORGANIZATION_ID


class Apex(Signed):
    """A trigger that calls out."""

    kind: Literal["apex"]


Kind = OutboundMessage | ChangeEvents | Apex

_KINDS: Final[Mapping[str, type[Kind]]] = {
    "outbound_message": OutboundMessage,
    "change_events": ChangeEvents,
    "apex": Apex,
}


def options_of(subscription: Subscription) -> Kind:
    """The options of a stored subscription."""
    return _KINDS[subscription.kind].model_validate(subscription.options)


def subscribe(connection: Connection, content: Fields, moment: int) -> Subscription:
    """The subscription with this content, made at this moment (ms) where there is none. InvalidInputError."""
    model = _KINDS.get(str(content.get("kind")))
    if model is None:
        raise InvalidInputError(f"kind is none of {', '.join(_KINDS)}.")
    asked = given.parse(model, content)
    options = asked.model_dump(mode="json")
    for each in subscriptions.list_subscriptions(connection):
        if each.options == options:
            return each
    (number,) = take_numbers(connection, "subscriptions")
    made = Subscription(str(number), asked.kind, options, True, 0, moment // 1000, moment // 1000)
    subscriptions.insert_subscription(connection, made)
    return made


def describe(subscription: Subscription) -> Fields:
    """A subscription as an answer shows it, secrets included, as they were given."""
    return {
        "id": subscription.id,
        **subscription.options,
        "enabled": subscription.enabled,
        "errors": subscription.errors,
        "created_at": subscription.created_at,
    }
