"""The values of the topics that are ours to define. Unknown fields are kept: a newer minor version may add some."""

from abc import abstractmethod
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, ValidationError

from synckit import times
from synckit.errors import PoisonError

GREATEST_VERSION: Final = 2**63 - 1
"""What a BIGINT holds."""


def _rfc3339(moment: datetime) -> str:
    return times.rfc3339(times.milliseconds(moment))


Moment = Annotated[AwareDatetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""A time in UTC, written as RFC 3339 with milliseconds."""


class Contract(BaseModel):
    """A value on a topic."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    def encoded(self) -> bytes:
        """The JSON value of the Kafka record."""
        return self.model_dump_json().encode()


class Keyed(Contract):
    """A value that says under which key it stands."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The key of the Kafka record."""


class Versioned(Keyed):
    """One that says how new it is, too: readers apply strictly greater versions only."""

    source_version: int = Field(ge=0, le=GREATEST_VERSION)


class Quarantined(Contract):
    """A delivery that was authenticated and not understood, as it came."""

    source: str
    received_at: Moment
    reason: str
    pointer: str = ""
    """Where in the body, in names that the vendor documents; empty for all of it."""
    body_base64: str


class SyncRequest(Keyed):
    """Please read this again: some or all records of one entity type of a vendor."""

    service: Literal["salesforce", "companycam"]
    entity_type: str
    ids: tuple[str, ...] = ()
    """Empty: all of them."""
    reason: str
    requested_at: Moment
    cause: UUID | None = None
    """The event that made us ask."""

    @property
    def key(self) -> str:
        """`service:entity_type`, and the record where it is about one."""
        scope = f":{self.ids[0]}" if len(self.ids) == 1 else ""
        return f"{self.service}:{self.entity_type}{scope}"


class FederationKey(Versioned):
    """A row of one subgraph belongs to a row of another. Said by the service that owns the relationship."""

    local_service: str
    local_table: str
    local_id: UUID
    external_service: str
    external_table: str
    external_id: str
    relationship_type: str
    created_at: Moment
    deleted_at: Moment | None = None

    @property
    def key(self) -> str:
        """The key of the Kafka record."""
        local = f"{self.local_service}/{self.local_table}/{self.local_id}"
        return f"{local}/{self.external_service}/{self.external_table}/{self.external_id}"


class CustomerChanged(Versioned):
    """A customer as it stands now. Readers apply strictly greater source_versions only."""

    customer_id: UUID
    salesforce_ids: tuple[str, ...]
    """Of its Contact, its Account and the records that were merged into it; 18 characters each."""
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    company: str | None
    service_street: str | None
    service_city: str | None
    service_state: str | None
    service_postal_code: str | None
    status: str
    account_type: str
    created_at: Moment
    merged_into: UUID | None
    deleted_at: Moment | None

    @property
    def key(self) -> str:
        """The key of the Kafka record."""
        return str(self.customer_id)


class ProjectChanged(Versioned):
    """A project as it stands now. Readers apply strictly greater source_versions only."""

    project_id: UUID
    customer_id: UUID
    company_cam_id: str
    name: str
    type: str
    status: str
    created_at: Moment
    merged_into: UUID | None
    deleted_at: Moment | None

    @property
    def key(self) -> str:
        """The key of the Kafka record."""
        return str(self.project_id)


class EstimateChanged(Versioned):
    """An estimate as it stands now. Readers apply strictly greater source_versions only."""

    estimate_id: UUID
    customer_id: UUID
    status: str | None = None
    selected_tier: str | None
    good_price: Decimal | None
    better_price: Decimal | None
    best_price: Decimal | None
    created_at: Moment
    deleted_at: Moment | None

    @property
    def key(self) -> str:
        """The key of the Kafka record."""
        return str(self.estimate_id)


class ReferenceRow(Versioned):
    """A row of the `reference` schema, for every database."""

    table: str
    code: str
    row: dict[str, JsonValue]
    deleted_at: Moment | None

    @property
    def key(self) -> str:
        """The key of the Kafka record."""
        return f"{self.table}/{self.code}"


class OutboundNotification(Contract):
    """One notification of an Outbound Message. Fields are text, as SOAP sends them (parts where it nests them)."""

    organization_id: str
    action_id: str
    notification_id: str
    object: str
    fields: dict[str, JsonValue]


class ApexRecord(Contract):
    """One record of an Apex callout: what it became, and what it was where that was sent."""

    object: str
    new: dict[str, JsonValue] | None
    old: dict[str, JsonValue] | None


Value = TypeVar("Value", bound=Contract)


def decode(kind: type[Value], value: bytes | None) -> Value:
    """The value of a record; PoisonError where it is null or not of this kind (the reason names fields, no values)."""
    if value is None:
        raise PoisonError("null_value", "the record has no value")
    try:
        return kind.model_validate_json(value)
    except ValidationError as error:
        raise PoisonError("malformed_value", _summary(error)) from None


def _summary(error: ValidationError) -> str:
    details = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"/{'/'.join(str(part) for part in detail['loc'])}: {detail['type']}" for detail in details[:5])
