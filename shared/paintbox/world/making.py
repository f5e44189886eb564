"""All records of a run, made before the first is sent: whose each project is leaves no doubt."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import Random
from typing import Final

from paintbox.world import jobs, people, telephones
from paintbox.world.jobs import Basis
from paintbox.world.people import Fields
from paintbox.world.runs import PROJECT, Run, Size

_BASES: Final[tuple[Basis, ...]] = ("email", "relation_id", "phone", "email") + ("email", "relation_id", "email") * 4
"""What projects name their customers by, in turn."""
_WITH_OWN_NUMBER: Final = 0.02


@dataclass(frozen=True, slots=True)
class Made:
    """The records of a run as they are created. Their ids are given, so any of them may be sent first."""

    accounts: Sequence[Fields]
    contacts: Sequence[Fields]
    projects: Sequence[Fields]
    photos: Sequence[Fields]
    owners: Mapping[str, str]
    """Project → the contact that it belongs to."""
    bases: Mapping[str, Basis]
    """Project → what names its customer."""


def make(run: Run, size: Size, taken: AbstractSet[str], named: int = 0) -> Made:
    """The records of a run: for a seed, and the same taken numbers, always the same but for the tag and the times.

    `taken` are the telephone numbers (E.164) that customers of earlier runs can be found by. The customers of the first
    `named` projects get names that nothing else has: both vendors tell of them.
    """
    dice = Random(run.seed)  # noqa: S311 - to be repeatable, not to be secret
    accounts = [people.an_account(run, index, dice) for index in range(size.accounts)]
    contacts = [people.a_contact(run, index, accounts, dice) for index in range(size.contacts)]
    candidates: dict[Basis, Sequence[Fields]] = {
        "phone": _give_own_numbers(contacts, taken, dice),
        "email": [contact for contact in contacts if "Email" in contact],
        "relation_id": contacts,
    }
    owned = [_owner(_BASES[index % len(_BASES)], candidates, dice) for index in range(size.projects)]
    for index, (_, owner) in enumerate(owned[:named]):
        owner.update(FirstName=f"Featherquill{run.tag}{index}", LastName=f"Quillfeather{run.tag}{index}")
    projects = [jobs.a_project(run, index, owner, basis, dice) for index, (basis, owner) in enumerate(owned)]
    pictured = jobs.popular(projects, size.photos, dice)
    return Made(
        accounts=accounts,
        contacts=contacts,
        projects=projects,
        photos=[jobs.a_photo(run, index, project, dice) for index, project in enumerate(pictured)],
        owners={run.companycam_id(PROJECT, index): str(owner["Id"]) for index, (_, owner) in enumerate(owned)},
        bases={run.companycam_id(PROJECT, index): basis for index, (basis, _) in enumerate(owned)},
    )


def _give_own_numbers(contacts: Sequence[Fields], taken: AbstractSet[str], dice: Random) -> list[Fields]:
    """Gives some contacts a number that is theirs alone; those that got one: none where all numbers are taken."""
    got: list[Fields] = []
    numbers = set(taken)
    for contact in dice.sample(contacts, max(1, round(len(contacts) * _WITH_OWN_NUMBER))):
        town = people.town_of(contact)
        line = telephones.own_line(town, dice, numbers)
        if line is not None:
            contact["Phone"] = telephones.written(town, line, dice)
            numbers.add(telephones.e164(town, line))
            got.append(contact)
    return got


def _owner(wanted: Basis, candidates: Mapping[Basis, Sequence[Fields]], dice: Random) -> tuple[Basis, Fields]:
    """Somebody who can be named on the wanted basis, else by relation, as everybody can."""
    basis: Basis = wanted if candidates[wanted] else "relation_id"
    return basis, dice.choice(candidates[basis])
