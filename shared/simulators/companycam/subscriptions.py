"""Webhook registrations, as the steering and CompanyCam's own API make and change them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from simulators import given, subscriptions
from simulators.addresses import HttpUrl
from simulators.companycam.shapes import COMPANY_ID, numbered_id
from simulators.records import Fields
from simulators.storage import Connection, take_numbers
from simulators.subscriptions import Subscription

KIND: Final = "webhook"


class Webhook(BaseModel):
    """What a webhook is registered with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl
    scopes: Annotated[tuple[str, ...], Field(min_length=1)]
    token: Annotated[str, Field(min_length=1, repr=False)]
    """Chosen by whoever registers it; signs every delivery."""


class Registration(Webhook):
    """A request to register one."""

    enabled: bool = True


def subscribe(connection: Connection, content: Fields, moment: int) -> Subscription:
    """The webhook with this content, made where there is none; switched on or off as asked."""
    asked = given.parse(Registration, content)
    options = _options(asked)
    for each in subscriptions.list_subscriptions(connection):
        if each.options == options:
            return update(connection, each, {"enabled": asked.enabled}, moment)
    return insert(connection, asked, moment)


def insert(connection: Connection, asked: Registration, moment: int) -> Subscription:
    """A new webhook, also where one like it exists: CompanyCam does not compare them."""
    (number,) = take_numbers(connection, "webhooks")
    second = moment // 1000
    made = Subscription(numbered_id("webhooks", number), KIND, _options(asked), asked.enabled, 0, second, second)
    subscriptions.insert_subscription(connection, made)
    return made


def update(connection: Connection, webhook: Subscription, content: Fields, moment: int) -> Subscription:
    """The webhook with what was given changed; to enable it forgets its errors. InvalidInputError."""
    asked = given.parse(Registration, {**webhook.options, "enabled": webhook.enabled, **content})
    if _options(asked) == webhook.options and asked.enabled == webhook.enabled:
        return webhook
    changed = replace(
        webhook,
        options=_options(asked),
        enabled=asked.enabled,
        errors=0 if asked.enabled and not webhook.enabled else webhook.errors,
        updated_at=moment // 1000,
    )
    subscriptions.update_subscription(connection, changed)
    return changed


def describe(webhook: Subscription) -> Fields:
    """A webhook as CompanyCam's API shows it."""
    return {
        "id": webhook.id,
        "company_id": COMPANY_ID,
        **webhook.options,
        "enabled": webhook.enabled,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }


def describe_with_errors(webhook: Subscription) -> Fields:
    """A webhook as the steering shows it: with its failed attempts since the last success."""
    return {**describe(webhook), "errors": webhook.errors}


def _options(asked: Registration) -> Mapping[str, JsonValue]:
    return asked.model_dump(mode="json", exclude={"enabled"})
