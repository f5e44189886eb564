"""Accounts and contacts, as somebody would type them into Salesforce."""

import unicodedata
from collections.abc import Sequence
from random import Random
from typing import Final, TypeVar

from pydantic import JsonValue

from paintbox.world import telephones, words
from paintbox.world.runs import ACCOUNT, CONTACT, Run
from paintbox.world.towns import TOWNS, Address, Town, address_in

Fields = dict[str, JsonValue]
Item = TypeVar("Item")

DOMAINS: Final = ("example.com", "example.net", "example.org")
"""Of every e-mail address here. Nobody's, for ever (RFC 2606)."""


def an_account(run: Run, index: int, dice: Random) -> Fields:
    """A company, billed at one address and often painted at another."""
    town = dice.choice(TOWNS)
    kind, industry = dice.choice(words.COMPANY_KINDS)
    name = f"{dice.choice(words.COMPANY_NAMES)} {kind}"
    billing = address_in(town, dice)
    shipping = maybe(0.4, billing, dice) or address_in(town, dice)
    given: Fields = {
        "Id": run.salesforce_id(ACCOUNT, index),
        "Name": name,
        "Type": dice.choice((*words.ACCOUNT_TYPES, None)),
        "AccountNumber": f"{run.tag.upper()}-{index:05}",
        "AccountSource": dice.choice(words.SOURCES),
        "Industry": industry,
        "Website": f"https://{_plain(name)}-{run.tag}.example.com",
        "Phone": telephones.any_number(town, dice),
        **_address("Billing", billing, dice),
        **_address("Shipping", shipping, dice),
    }
    return _told(given)


def a_contact(run: Run, index: int, accounts: Sequence[Fields], dice: Random) -> Fields:
    """A person: most of a company, nearly all with an e-mail address."""
    town = dice.choice(TOWNS)
    first, last = dice.choice(words.FIRST_NAMES), dice.choice(words.LAST_NAMES)
    given: Fields = {
        "Id": run.salesforce_id(CONTACT, index),
        "AccountId": maybe(0.8, dice.choice(accounts)["Id"], dice),
        "Salutation": dice.choice((*words.SALUTATIONS, None)),
        "FirstName": maybe(0.97, first, dice),
        "LastName": last,
        "Title": dice.choice((*words.TITLES, None)),
        "Email": maybe(0.97, email(run, index, first, last, dice), dice),
        "Phone": maybe(0.7, telephones.any_number(town, dice), dice),
        "MobilePhone": maybe(0.5, telephones.any_number(town, dice), dice),
        **(maybe(0.95, _address("Mailing", address_in(town, dice), dice), dice) or {}),
        "LeadSource": dice.choice((*words.SOURCES, None)),
    }
    return _told(given)


def email(run: Run, index: int, first: str, last: str, dice: Random) -> str:
    """An address that no other contact of any run has, in one of the ways in which people write theirs."""
    address = f"{_plain(first)}.{_plain(last)}.{run.tag}.{index}@{dice.choice(DOMAINS)}"
    return maybe(0.8, address, dice) or f"{first[:1]}{address[1:]}"


def moved(prefix: str, dice: Random) -> Fields:
    """The fields of another address, in another town."""
    return _address(prefix, address_in(dice.choice(TOWNS), dice), dice)


def town_of(contact: Fields) -> Town:
    """The town that a contact's mail goes to; the first there is, where the contact has no address."""
    return next((town for town in TOWNS if town.city == contact.get("MailingCity")), TOWNS[0])


def maybe(share: float, value: Item, dice: Random) -> Item | None:
    """The value for this share of all, and None for the rest."""
    return value if dice.random() < share else None


def _address(prefix: str, address: Address, dice: Random) -> Fields:
    place = maybe(0.8, (address.latitude, address.longitude), dice) or (None, None)
    return {
        f"{prefix}Street": address.street,
        f"{prefix}City": address.city,
        f"{prefix}State": address.state,
        f"{prefix}PostalCode": address.postal_code,
        f"{prefix}Country": address.country,
        f"{prefix}Latitude": place[0],
        f"{prefix}Longitude": place[1],
    }


def _told(given: Fields) -> Fields:
    """What there is to tell of a new record: what has no value is left out."""
    return {name: value for name, value in given.items() if value is not None}


def _plain(name: str) -> str:
    """The letters a to z of a name, for an address of the web."""
    decomposed = unicodedata.normalize("NFKD", name.lower().replace("ø", "o"))
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha())
