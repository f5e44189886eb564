"""By what the people who are made up here would be recognised, wherever something of them stood."""

from collections.abc import Iterator
from typing import Final

from paintbox.prove.checks.secret import Canary
from paintbox.world import people, telephones
from paintbox.world.making import Made
from paintbox.world.towns import TOWNS

NAMED: Final = 3
"""The customers of how many projects of a wave get names that nothing else has."""


def of_everybody() -> list[Canary]:
    """What stands in every e-mail address and every telephone number, whoever types or stores it.

    No number of a log looks like them: each has its +1, or the punctuation of somebody who typed it.
    """
    areas = sorted({town.area_code for town in TOWNS})
    return [
        *(Canary("an e-mail address", f"@{domain}") for domain in people.DOMAINS),
        *(Canary("a telephone number", text) for area in areas for text in telephones.beginnings(area)),
    ]


def of_the_named(made: Made) -> Iterator[Canary]:
    """The names of those whom both vendors tell of: Salesforce as its contacts, CompanyCam in projects."""
    named = named_contacts(made)
    for contact in made.contacts:
        if contact["Id"] in named:
            yield from (Canary("a customer's name", str(contact[part])) for part in ("FirstName", "LastName"))


def named_contacts(made: Made) -> list[str]:
    """The ids of those, in the order of their projects."""
    return [made.owners[str(project["id"])] for project in made.projects[:NAMED]]
