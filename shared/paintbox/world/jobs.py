"""Projects and photos, as a crew would make them in CompanyCam."""

from collections.abc import Sequence
from random import Random
from typing import Final, Literal

from pydantic import JsonValue

from paintbox.world import words
from paintbox.world.people import Fields, maybe, town_of
from paintbox.world.runs import PHOTO, PROJECT, Run
from paintbox.world.towns import TOWNS, Town, address_in

Basis = Literal["relation_id", "email", "phone"]

_SHORT_ID: Final = 15
_RECENT_SECONDS: Final = 60 * 86_400


def a_project(run: Run, index: int, owner: Fields, basis: Basis, dice: Random) -> Fields:
    """A job at a customer's, who can be told from it on this basis."""
    return {
        "id": run.companycam_id(PROJECT, index),
        "name": f"{owner['LastName']}: {dice.choice(words.JOBS)}, job {run.tag}-{index:04}",
        **_site(town_of(owner), dice),
        "primary_contact": primary_contact(owner, basis, dice),
        "integrations": [_relation(owner, index)] if basis == "relation_id" else [],
        "notepad": maybe(0.6, dice.choice(words.NOTES), dice),
    }


def moved(dice: Random) -> Fields:
    """The fields of a project that turns out to be elsewhere."""
    return _site(dice.choice(TOWNS), dice)


def primary_contact(owner: Fields, basis: Basis, dice: Random) -> JsonValue:
    """Who is met at the job; None where the project is told by its relation alone.

    The e-mail address is written in any case. The telephone number is given only where nothing else names the owner.
    """
    name = " ".join(str(owner[part]) for part in ("FirstName", "LastName") if owner.get(part))
    if basis == "phone":
        return {"name": name, "email": None, "phone_number": owner["Phone"]}
    address = owner.get("Email")
    if not isinstance(address, str) or (basis == "relation_id" and not maybe(0.5, address, dice)):
        return None
    return {"name": name, "email": dice.choice((address, address.upper(), address.title())), "phone_number": None}


def a_photo(run: Run, index: int, project: Fields, dice: Random) -> Fields:
    """A picture of a job, taken in the last two months."""
    return {
        "id": run.companycam_id(PHOTO, index),
        "project_id": project["id"],
        "captured_at": run.began_ms // 1000 - dice.randrange(_RECENT_SECONDS),
        "description": maybe(0.7, dice.choice(words.SHOTS), dice),
        "coordinates": maybe(0.8, near(project, dice), dice),
    }


def near(project: Fields, dice: Random) -> JsonValue:
    """A place some steps away from a project's; None where that has none, or the one where vendors know nothing."""
    place = project["coordinates"]
    if not isinstance(place, dict) or not place["lat"]:
        return place
    return {name: round(float(str(degrees)) + dice.uniform(-0.0005, 0.0005), 6) for name, degrees in place.items()}


def popular(projects: Sequence[Fields], count: int, dice: Random) -> list[Fields]:
    """So many projects, some of them again and again: crews photograph one job once and another fifty times."""
    weights = [dice.lognormvariate(0, 0.8) for _ in projects]
    return dice.choices(projects, weights, k=count)


def _site(town: Town, dice: Random) -> Fields:
    """An address and where it is: mostly known, else nothing or 0,0, as CompanyCam has it."""
    address = address_in(town, dice)
    known: JsonValue = {"lat": address.latitude, "lon": address.longitude}
    nowhere: JsonValue = {"lat": 0, "lon": 0}
    return {
        "address": {
            "street_address_1": address.street,
            "street_address_2": maybe(0.2, dice.choice(words.UNITS), dice),
            "city": address.city,
            "state": address.state,
            "postal_code": address.postal_code,
            "country": address.country,
        },
        "coordinates": dice.choice((*(known,) * 8, None, nowhere)),
    }


def _relation(owner: Fields, index: int) -> JsonValue:
    """The integration that names the owner's Salesforce record, in either of the two lengths of an id."""
    record_id = str(owner["Id"])
    return {"type": "Salesforce", "relation_id": record_id if index % 2 else record_id[:_SHORT_ID]}
