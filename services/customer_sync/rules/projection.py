"""The customer that a Contact, its Account and the mapping in force make."""

from typing import Any, Final

from customer_sync.models.columns import COLUMNS
from customer_sync.models.configuration import Meaning, Rule, SalesforceConfig, Source
from customer_sync.models.customer import Customer
from synckit import versions
from synckit.columns import Column, Kind, Problem, fit
from synckit.identity import customer_id
from synckit.mirror.facts import DELETED, OURS, Fact, Record

_ACCOUNT: Final = Source(object="Contact", field="AccountId")
_ACCOUNT_ID: Final = Column(Kind.SALESFORCE_ID, length=18)

Pair = dict[str, Record | None]
"""The two records that make a customer, by object."""


def customer_from(contact: Record, account: Record | None, config: SalesforceConfig) -> Customer:
    """The row that these records ask for. An Account that nobody has told us of yet leaves its columns empty."""
    pair: Pair = {"Contact": contact, "Account": account}
    problems: list[Problem] = []
    columns = {name: _column(name, sources, pair, problems) for name, sources in config.columns.items()}
    _drop_null_island(columns)
    default_type = config.account_type.default if account is None else config.account_type.default_with_account
    newest = max(contact.newest, account.newest if account is not None else versions.UNKNOWN)
    return Customer(
        id=customer_id(contact.id),
        salesforce_id=contact.id,
        account_id=_fitted("salesforce_account_id", _account_of(contact), _ACCOUNT_ID, problems),
        columns=columns,
        status=_choice("status", config.status.rules, config.status.default, pair, problems),
        account_type=_choice("account_type", config.account_type.rules, default_type, pair, problems),
        deleted_at=versions.modified_ms(contact.stamp_of(DELETED).version) if contact.is_deleted else None,
        is_known=any(not name.startswith(OURS) for name in contact.fields),
        source_modified_at=versions.modified_ms(newest),
        source_version=newest,
        problems=tuple(problems),
    )


def _account_of(contact: Record) -> Any:
    """The account's id in its normal form; where it is none, what came instead, to be told as a problem."""
    return contact.parent_id if contact.parent_id is not None else contact.get("AccountId")


def problems_of(fact: Fact, config: SalesforceConfig) -> tuple[Problem, ...]:
    """What the columns cannot take of all that one fact says, whatever else is known of the record."""
    if fact.object not in {"Contact", "Account"}:
        return ()
    pair: Pair = {
        "Contact": None,
        "Account": None,
        fact.object: Record(object=fact.object, id=fact.id, fields=fact.fields),
    }
    problems: list[Problem] = []
    for name, sources in config.columns.items():
        _column(name, sources, pair, problems)
    _fitted("salesforce_account_id", _field(pair, _ACCOUNT), _ACCOUNT_ID, problems)
    _choice("status", config.status.rules, config.status.default, pair, problems)
    _choice("account_type", config.account_type.rules, config.account_type.default, pair, problems)
    return tuple(problems)


def _column(name: str, sources: tuple[Source, ...], pair: Pair, problems: list[Problem]) -> Any:
    for source in sources:
        value = _field(pair, source)
        if value is not None:
            return _fitted(name, value, COLUMNS[name], problems)
    return COLUMNS[name].default


def _fitted(name: str, value: Any, column: Column, problems: list[Problem]) -> Any:
    fitted, problem = fit(value, column)
    if problem is not None:
        problems.append(Problem(name, problem))
    return fitted


def _field(pair: Pair, source: Source | Rule[Any]) -> Any:
    record = pair[source.object]
    value = None if record is None else record.get(source.field)
    return None if value == "" else value


def _choice(
    column: str, rules: tuple[Rule[Meaning], ...], default: Meaning, pair: Pair, problems: list[Problem]
) -> Meaning:
    for rule in rules:
        value = _field(pair, rule)
        if value is not None:
            meaning = rule.values.get(str(value))
            if meaning is not None:
                return meaning
            problems.append(Problem(column, "unknown_value"))
    return default


def _drop_null_island(columns: dict[str, Any]) -> None:
    """0,0 is what vendors send where they know nothing; a half of a coordinate is none either."""
    for prefix in ("mailing", "billing", "service"):
        latitude, longitude = f"{prefix}_latitude", f"{prefix}_longitude"
        pair = columns.get(latitude), columns.get(longitude)
        if latitude in columns and longitude in columns and (None in pair or pair == (0, 0)):
            columns[latitude] = columns[longitude] = None
