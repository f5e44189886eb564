"""`integration_configs.config` of SALESFORCE: how records become customers, as data. Every part has a default."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from customer_sync.models.columns import COLUMNS
from synckit.columns import Fitter, fitter
from synckit.identity import salesforce_id18

FieldType = Literal["boolean", "number", "datetime", "id"]

AccountType = Literal["RESIDENTIAL", "COMMERCIAL", "INDUSTRIAL", "GOVERNMENT", "NON_PROFIT"]
CustomerStatus = Literal["ACTIVE", "INACTIVE", "PROSPECT", "QUALIFIED_LEAD", "CONVERTED", "CHURNED", "SUSPENDED"]

_SYSTEM_TYPES: dict[str, FieldType] = {
    "Id": "id",
    "OwnerId": "id",
    "MasterRecordId": "id",
    "CreatedById": "id",
    "LastModifiedById": "id",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    "LastModifiedDate": "datetime",
    "SystemModstamp": "datetime",
    "LastViewedDate": "datetime",
    "LastReferencedDate": "datetime",
    "EmailBouncedDate": "datetime",
}
_CONVERSION_TYPES: dict[str, FieldType] = {
    "ConvertedAccountId": "id",
    "ConvertedContactId": "id",
    "ConvertedOpportunityId": "id",
    "IsConverted": "boolean",
}


def _numbers(*names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names, "number")


DEFAULT_TYPES: dict[str, dict[str, FieldType]] = {
    "Contact": {
        **_SYSTEM_TYPES,
        **_numbers("MailingLatitude", "MailingLongitude", "OtherLatitude", "OtherLongitude"),
        "AccountId": "id",
        "ReportsToId": "id",
        "IndividualId": "id",
        "IsEmailBounced": "boolean",
    },
    "Account": {
        **_SYSTEM_TYPES,
        **_numbers("BillingLatitude", "BillingLongitude", "ShippingLatitude", "ShippingLongitude"),
        **_numbers("AnnualRevenue", "NumberOfEmployees"),
        "ParentId": "id",
        "RecordTypeId": "id",
        "PersonContactId": "id",
        "IsPersonAccount": "boolean",
        "IsPartner": "boolean",
        "IsCustomerPortal": "boolean",
    },
    "Lead": {
        **_SYSTEM_TYPES,
        **_CONVERSION_TYPES,
        **_numbers("Latitude", "Longitude", "AnnualRevenue", "NumberOfEmployees"),
        "IndividualId": "id",
        "IsUnreadByOwner": "boolean",
    },
    "User": {
        **_SYSTEM_TYPES,
        "ManagerId": "id",
        "ProfileId": "id",
        "UserRoleId": "id",
        "ContactId": "id",
        "AccountId": "id",
        "IsActive": "boolean",
        "LastLoginDate": "datetime",
    },
}
"""Types of the standard fields that are not text, from Salesforce's describe of each object."""


class Config(BaseModel):
    """Part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class OutboundMessage(Config):
    """The definition of an Outbound Message: a field of this list that a message leaves out is null."""

    object: str
    fields: tuple[str, ...]


class Source(Config):
    """A field of a vendor's record."""

    object: Literal["Contact", "Account"]
    field: str


Meaning = TypeVar("Meaning")


class Rule(Config, Generic[Meaning]):
    """What the values of a field mean to us. Values outside the map are counted, and left to the next rule."""

    object: Literal["Contact", "Account"]
    field: str
    values: dict[str, Meaning]


class StatusChoice(Config):
    """The status of a customer: of the first rule that knows its field's value."""

    rules: tuple[Rule[CustomerStatus], ...] = (
        Rule(
            object="Account",
            field="Type",
            values={
                "Prospect": "PROSPECT",
                "Customer": "ACTIVE",
                "Customer - Direct": "ACTIVE",
                "Customer - Channel": "ACTIVE",
                "Former Customer": "CHURNED",
            },
        ),
    )
    default: CustomerStatus = "PROSPECT"


class AccountTypeChoice(Config):
    """The account type of a customer: of the first rule that knows its field's value."""

    rules: tuple[Rule[AccountType], ...] = (
        Rule(
            object="Account",
            field="Industry",
            values={
                "Government": "GOVERNMENT",
                "Not For Profit": "NON_PROFIT",
                "Manufacturing": "INDUSTRIAL",
                "Chemicals": "INDUSTRIAL",
                "Energy": "INDUSTRIAL",
                "Machinery": "INDUSTRIAL",
                "Utilities": "INDUSTRIAL",
            },
        ),
    )
    default: AccountType = "RESIDENTIAL"
    default_with_account: AccountType = "COMMERCIAL"


def _address(
    prefix: str, source_object: Literal["Contact", "Account"], source_prefix: str
) -> dict[str, tuple[Source, ...]]:
    def of(*names: str) -> tuple[Source, ...]:
        return tuple(Source(object=source_object, field=f"{source_prefix}{name}") for name in names)

    return {
        f"{prefix}_street": of("Street"),
        f"{prefix}_city": of("City"),
        f"{prefix}_state": of("StateCode", "State"),
        f"{prefix}_postal_code": of("PostalCode"),
        f"{prefix}_country": of("CountryCode", "Country"),
        f"{prefix}_latitude": of("Latitude"),
        f"{prefix}_longitude": of("Longitude"),
    }


def _of_contact(*names: str) -> tuple[Source, ...]:
    return tuple(Source(object="Contact", field=name) for name in names)


def _of_account(*names: str) -> tuple[Source, ...]:
    return tuple(Source(object="Account", field=name) for name in names)


DEFAULT_COLUMNS: dict[str, tuple[Source, ...]] = {
    "first_name": _of_contact("FirstName"),
    "last_name": _of_contact("LastName"),
    "email": _of_contact("Email"),
    "phone": _of_contact("Phone", "MobilePhone"),
    "company": _of_account("Name"),
    **_address("mailing", "Contact", "Mailing"),
    **_address("billing", "Account", "Billing"),
    **_address("service", "Account", "Shipping"),
    "lead_source": _of_contact("LeadSource"),
    "industry": _of_account("Industry"),
    "website": _of_account("Website"),
    "account_number": _of_account("AccountNumber"),
    "salesforce_owner_id": _of_contact("OwnerId"),
}
"""Column → the fields that feed it; of several the first that has a value."""


class Fed(NamedTuple):
    """A column that is fed: what makes values such as it takes, and the fields that they come from."""

    name: str
    default: str | bool | None
    """What it says where no field says anything."""
    fit: Fitter
    sources: tuple[tuple[bool, str], ...]
    """Whether it is a field of the Contact (else of the Account), and its name."""


class SalesforceConfig(Config):
    """All of it. What the row leaves out is as shipped."""

    outbound_messages: dict[str, OutboundMessage] = Field(default_factory=dict)
    """By ActionId, of 18 characters once it is read; a browser's address shows 15."""
    types: dict[str, dict[str, FieldType]] = Field(default_factory=dict)
    """Beside the shipped ones: custom fields that are not text."""
    columns: dict[str, tuple[Source, ...]] = DEFAULT_COLUMNS
    """Beside the shipped ones, or in their place. A column with an empty list is fed by nothing."""
    status: StatusChoice = StatusChoice()
    account_type: AccountTypeChoice = AccountTypeChoice()

    @field_validator("outbound_messages")
    @classmethod
    def _by_whole_ids(cls, messages: dict[str, OutboundMessage]) -> dict[str, OutboundMessage]:
        return {_whole(action_id): message for action_id, message in messages.items()}

    @field_validator("columns")
    @classmethod
    def _beside_the_shipped(cls, columns: dict[str, tuple[Source, ...]]) -> dict[str, tuple[Source, ...]]:
        strangers = sorted(columns.keys() - COLUMNS.keys())
        if strangers:
            raise ValueError(f"columns that no vendor may feed: {', '.join(strangers)}")
        merged = DEFAULT_COLUMNS | columns
        if not merged["last_name"]:
            raise ValueError("last_name must be fed: no customer is without one")
        return {name: sources for name, sources in merged.items() if sources}

    @cached_property
    def fed(self) -> tuple["Fed", ...]:
        """The columns, as the projection goes through them for each of very many customers."""
        return tuple(
            Fed(
                name,
                COLUMNS[name].default,
                fitter(COLUMNS[name]),
                tuple((one.object == "Contact", one.field) for one in sources),
            )
            for name, sources in self.columns.items()
        )

    @cached_property
    def feeding(self) -> Mapping[tuple[bool, str], Sequence[str]]:
        """By a field, as `Fed.sources` has it, the names of the columns that it may feed."""
        columns: dict[tuple[bool, str], list[str]] = {}
        for name, *_, sources in self.fed:
            for source in sources:
                columns.setdefault(source, []).append(name)
        return columns

    def types_of(self, name: str) -> Mapping[str, FieldType]:
        """The types of an object's fields that are not text."""
        shipped, beside = DEFAULT_TYPES.get(name, _SYSTEM_TYPES), self.types.get(name)
        return shipped | beside if beside else shipped


def _whole(action_id: str) -> str:
    try:
        return salesforce_id18(action_id)
    except ValueError:
        return action_id
