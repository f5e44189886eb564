"""The customer that a Contact, its Account and the mapping in force make."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from customer_sync.models.configuration import Fed, Meaning, Rule, SalesforceConfig
from customer_sync.models.customer import Customer
from synckit import versions
from synckit.columns import Column, Kind, Problem, fitter
from synckit.identity import customer_id
from synckit.mirror.facts import DELETED, OURS, Fact, Json, Record

_ACCOUNT_ID: Final = fitter(Column(Kind.SALESFORCE_ID, length=18))
_PLACES: Final = tuple((f"{prefix}_latitude", f"{prefix}_longitude") for prefix in ("mailing", "billing", "service"))
_NOTHING: Final[Mapping[str, Json]] = {}

Pair = tuple[Mapping[str, Json], Mapping[str, Json]]
"""The fields of the two records that make a customer: of the Account, and of the Contact."""


def customer_from(contact: Record, account: Record | None, config: SalesforceConfig) -> Customer:
    """The row that these records ask for. An Account that nobody has told us of yet leaves its columns empty."""
    pair: Pair = (_NOTHING if account is None else account.fields, contact.fields)
    problems: list[Problem] = []
    columns = _columns(pair, config.fed, problems)
    _drop_null_island(columns)
    account_id = _account_id(_account_of(contact), problems)
    default_type = config.account_type.default if account is None else config.account_type.default_with_account
    newest = max(contact.newest, account.newest if account is not None else versions.UNKNOWN)
    return Customer(
        id=customer_id(contact.id),
        salesforce_id=contact.id,
        account_id=account_id,
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
    of_contact = fact.object == "Contact"
    pair: Pair = (_NOTHING, fact.fields) if of_contact else (fact.fields, _NOTHING)
    problems: list[Problem] = []
    names = {name for field in fact.fields for name in config.feeding.get((of_contact, field), ())}
    _columns(pair, (one for one in config.fed if one.name in names), problems)
    _account_id(pair[True].get("AccountId"), problems)
    _choice("status", config.status.rules, config.status.default, pair, problems)
    _choice("account_type", config.account_type.rules, config.account_type.default, pair, problems)
    return tuple(problems)


def _columns(pair: Pair, fed: Iterable[Fed], problems: list[Problem]) -> dict[str, Any]:
    """Each column by the first of its fields that says something. One loop: it runs twice for each of many events."""
    columns = {}
    for name, default, fit, sources in fed:
        columns[name] = default
        for of_contact, field in sources:
            said = pair[of_contact].get(field)
            if said is not None and said != "":
                columns[name], problem = fit(said)
                if problem is not None:
                    problems.append(Problem(name, problem))
                break
    return columns


def _account_id(said: Json, problems: list[Problem]) -> str | None:
    fitted, problem = _ACCOUNT_ID(said)
    if problem is not None:
        problems.append(Problem("salesforce_account_id", problem))
    return None if fitted is None else str(fitted)


def _choice(
    column: str, rules: tuple[Rule[Meaning], ...], default: Meaning, pair: Pair, problems: list[Problem]
) -> Meaning:
    for rule in rules:
        value = pair[rule.object == "Contact"].get(rule.field)
        if value is not None and value != "":
            meaning = rule.values.get(str(value))
            if meaning is not None:
                return meaning
            problems.append(Problem(column, "unknown_value"))
    return default


def _drop_null_island(columns: dict[str, Any]) -> None:
    """0,0 is what vendors send where they know nothing; a half of a coordinate is none either."""
    for latitude, longitude in _PLACES:
        pair = columns.get(latitude), columns.get(longitude)
        if latitude in columns and longitude in columns and (None in pair or pair == (0, 0)):
            columns[latitude] = columns[longitude] = None
