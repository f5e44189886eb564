"""What becomes of a vendor's value in a column of ours: it fits, it is mended, or it is NULL and a problem."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import phonenumbers
import pycountry

from synckit.identity import salesforce_id18


class Kind(StrEnum):
    """What a column holds, and so what becomes of a value that it cannot take."""

    TEXT = "text"
    """Cut to its length: most of a long street is better than none."""
    EXACT = "exact"
    """NULL where too long: part of a number or an address of the web is wrong."""
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    MONEY = "money"
    FLAG = "flag"
    SALESFORCE_ID = "salesforce_id"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds, its SQL type, its length, and what it says where the vendor says nothing.

    The SQL type rounds as the column does: what comes is compared with what is stored.
    """

    kind: Kind
    sql_type: str = "text"
    length: int | None = None
    default: str | bool | None = None


EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
"""As the CHECK of `customers.customers.email`."""
PHONE: Final = re.compile(
    r"[+]?[(]?[0-9][-0-9 ().]*((;ext=|,? *ext[.]?|,? *x|#) *[0-9]{1,8})?", re.IGNORECASE | re.ASCII
)
"""As the CHECK of `customers.customers.phone`."""
LONGEST_EXTENSION: Final = 8
HOME_REGION: Final = "US"
LARGEST_MONEY: Final = 10**10 - 1
"""What DECIMAL(12, 2) holds whatever the rounding."""

NOT_TEXT: Final = "not_text"
NOT_A_COORDINATE: Final = "not_a_coordinate"

_ALIASES: Final = {
    "america": "US",
    "brunei": "BN",
    "burma": "MM",
    "cape verde": "CV",
    "cote d'ivoire": "CI",
    "east timor": "TL",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "ivory coast": "CI",
    "korea": "KR",
    "macau": "MO",
    "macedonia": "MK",
    "northern ireland": "GB",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "russia": "RU",
    "scotland": "GB",
    "swaziland": "SZ",
    "the bahamas": "BS",
    "the gambia": "GM",
    "the netherlands": "NL",
    "the philippines": "PH",
    "turkey": "TR",
    "turkiye": "TR",
    "u.a.e.": "AE",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "vatican": "VA",
    "vatican city": "VA",
    "wales": "GB",
}
"""Usual names in English, in lower case, that ISO 3166 does not have."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that a column cannot take: what was wrong with it, never the value."""

    column: str
    problem: str


Fitted = tuple[Any, str | None]
"""The value that the column takes, and what was wrong with the vendor's (None where it was fine)."""
Fitter = Callable[[Any], Fitted]


def fit(value: Any, column: Column) -> Fitted:
    """A value as a column takes it."""
    return fitter(column)(value)


def fitter(column: Column) -> Fitter:
    """What makes values of any kind such as the column takes: to be kept, where there are many."""
    default, nothing = column.default, (column.default, None)
    of_kind, demands_words = _FITTERS[column.kind], column.kind in _WORDS

    def fitted(value: Any) -> Fitted:
        if value is None:
            return nothing
        if isinstance(value, str):
            said = value.strip()
            return of_kind(said, column) if said else nothing
        if demands_words and words(value)[1] is not None:
            return default, NOT_TEXT
        return of_kind(value, column)

    return fitted


def words(value: Any) -> tuple[str | None, str | None]:
    """Text as it came, a number as text, and None for nothing; None and a problem for what is none of these."""
    if value is None or isinstance(value, str):
        return value or None, None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, NOT_TEXT
    return str(value), None


def _words(value: str | float) -> str:
    return value.strip() if isinstance(value, str) else str(value)


def _text(value: Any, column: Column) -> Fitted:
    text = _words(value)
    if column.length is not None and len(text) > column.length:
        return text[: column.length], "too_long"
    return text, None


def _exact(value: Any, column: Column) -> Fitted:
    text, problem = _text(value, column)
    return (text, None) if problem is None else (column.default, problem)


def _email(value: Any, column: Column) -> Fitted:
    text, problem = _exact(value, column)
    if problem is None and not EMAIL.fullmatch(text):
        return None, "not_an_email"
    return text, problem


def _phone(value: Any, column: Column) -> Fitted:
    text = _words(value)
    if len(text) <= (column.length or 0) and PHONE.fullmatch(text):
        return text, None
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None, "not_a_phone"
    if not phonenumbers.is_possible_number(number):
        return None, "not_a_phone"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + _extension(number), "reformatted"


def _extension(number: phonenumbers.PhoneNumber) -> str:
    """What is dialled behind the number, as RFC 3966 writes it: E.164 has no room for it."""
    extension = phonenumbers.normalize_digits_only(number.extension or "")
    return f";ext={extension}" if 0 < len(extension) <= LONGEST_EXTENSION else ""


def _country(value: Any, column: Column) -> Fitted:
    code = country_code(_words(value))
    return (column.default, "unknown_country") if code is None else (code, None)


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """The ISO 3166 code of a country by its code or name in English; None for what is neither."""
    alias = _ALIASES.get(text.lower())
    if alias is not None:
        return alias
    try:
        return str(pycountry.countries.lookup(text).alpha_2)
    except LookupError:
        return None


def _within(limit: int) -> Callable[[Any, Column], Fitted]:
    def fitted(value: Any, _: Column) -> Fitted:
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > limit:
            return None, NOT_A_COORDINATE
        return value, None

    return fitted


def _money(value: Any, _: Column) -> Fitted:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST_MONEY:
        return None, "not_an_amount"
    return value, None


def _flag(value: Any, column: Column) -> Fitted:
    return (value, None) if isinstance(value, bool) else (column.default, "not_a_flag")


def _salesforce_id(value: Any, _: Column) -> Fitted:
    try:
        return salesforce_id18(_words(value)), None
    except ValueError:
        return None, "not_a_salesforce_id"


_WORDS: Final = frozenset({Kind.TEXT, Kind.EXACT, Kind.EMAIL, Kind.PHONE, Kind.COUNTRY, Kind.SALESFORCE_ID})
"""Kinds that are text: a number will do, but no truth value, list or object."""
_FITTERS: Final = {
    Kind.TEXT: _text,
    Kind.EXACT: _exact,
    Kind.EMAIL: _email,
    Kind.PHONE: _phone,
    Kind.COUNTRY: _country,
    Kind.LATITUDE: _within(90),
    Kind.LONGITUDE: _within(180),
    Kind.MONEY: _money,
    Kind.FLAG: _flag,
    Kind.SALESFORCE_ID: _salesforce_id,
}
