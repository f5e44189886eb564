"""What happens to a run's records after they were made: edits, labels, archives, deletions, second thoughts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeVar

from pydantic import JsonValue

from paintbox.world import jobs, people, telephones, words
from paintbox.world.making import Made
from paintbox.world.people import Fields
from paintbox.world.runs import Run
from paintbox.world.towns import TOWNS

Vendor = Literal["salesforce", "companycam"]
Item = TypeVar("Item")

_EDITED: Final = 0.2
_TOGETHER: Final = 10
"""How many photos one request gives the same."""


@dataclass(frozen=True, slots=True)
class Step:
    """A request to a simulator's `/_simulator/records/`."""

    vendor: Vendor
    method: str
    path: str
    body: Mapping[str, JsonValue] | None = None


def edits(run: Run, made: Made) -> list[list[Step]]:
    """What is edited, a fifth of everything, in rounds: within one the order does not matter."""
    dice = Random(f"{run.seed}/edits")  # noqa: S311 - to be repeatable, not to be secret
    return [
        [
            *_contact_edits(run, made, dice),
            *_account_edits(made, dice),
            *_project_edits(made, dice),
            *_photo_edits(made, dice),
        ],
        [
            *(_put("projects", one, "labels", words.LABELS, dice) for one in _some(made.projects, 0.1, dice)),
            *(_put("photos", one, "tags", words.TAGS, dice) for one in _some(made.photos, 0.05, dice)),
        ],
    ]


def endings(run: Run, made: Made) -> list[list[Step]]:
    """What is deleted and archived, and then what of it comes back, in rounds."""
    dice = Random(f"{run.seed}/endings")  # noqa: S311 - to be repeatable, not to be secret
    leavers = [one["Id"] for one in _some(made.contacts, 0.03, dice)]
    closed = [one["id"] for one in _some(made.projects, 0.06, dice)]
    cancelled, archived = closed[1::4], [one for at, one in enumerate(closed) if at % 4 != 1]
    return [
        [
            *(Step("salesforce", "DELETE", f"Contact/{one}") for one in leavers),
            *(Step("companycam", "DELETE", f"projects/{one}") for one in cancelled),
            *(Step("companycam", "POST", f"projects/{one}/archive") for one in archived),
        ],
        [
            *(Step("salesforce", "POST", f"Contact/{one}/undelete") for one in leavers[::3]),
            *(Step("companycam", "POST", f"projects/{one}/restore") for one in archived[::3]),
        ],
    ]


def _contact_edits(run: Run, made: Made, dice: Random) -> Iterator[Step]:
    """A quarter of them in one request, which Salesforce tells of in one change event with many ids."""
    chosen = _some(made.contacts, _EDITED, dice)
    together = chosen[: len(chosen) // 4]
    if together:
        ids = [one["Id"] for one in together]
        yield Step("salesforce", "PATCH", "Contact", {"ids": ids, "fields": {"LeadSource": "Partner Referral"}})
    owners = set(made.owners.values())
    for turn, one in enumerate(chosen[len(together) :]):
        fields = _unseen(run, turn, one, dice) if one["Id"] not in owners else {}
        yield _patch("salesforce", "Contact", one["Id"], fields or _seen(turn, made.accounts, dice))


def _seen(turn: int, accounts: Sequence[Fields], dice: Random) -> Fields:
    """A change of anybody: of nothing that a project names its customer by."""
    kinds: tuple[Fields, ...] = (
        {"LastName": dice.choice(words.LAST_NAMES)},
        people.moved("Mailing", dice),
        {"AccountId": dice.choice(accounts)["Id"]},
        {"Title": dice.choice(words.TITLES), "LeadSource": None},
    )
    return kinds[turn % len(kinds)]


def _unseen(run: Run, turn: int, contact: Fields, dice: Random) -> Fields:
    """A change of somebody who has no project; every other time none."""
    number = telephones.any_number(people.town_of(contact), dice)
    address = people.email(run, turn, "new", str(contact["LastName"]), dice)
    kinds: tuple[Fields, ...] = ({"Email": address}, {}, {"Phone": number, "MobilePhone": None}, {})
    return kinds[turn % len(kinds)]


def _account_edits(made: Made, dice: Random) -> Iterator[Step]:
    for turn, one in enumerate(_some(made.accounts, _EDITED, dice)):
        kinds: tuple[Fields, ...] = (
            {"Name": f"{one['Name']} of {dice.choice(TOWNS).city}"},
            {"Type": dice.choice(words.ACCOUNT_TYPES)},
            people.moved("Billing", dice),
            people.moved("Shipping", dice),
            {"Website": None, "Industry": dice.choice(words.COMPANY_KINDS)[1]},
        )
        yield _patch("salesforce", "Account", one["Id"], kinds[turn % len(kinds)])


def _project_edits(made: Made, dice: Random) -> Iterator[Step]:
    contacts = {one["Id"]: one for one in made.contacts}
    for turn, one in enumerate(_some(made.projects, _EDITED, dice)):
        project = str(one["id"])
        contact = jobs.primary_contact(contacts[made.owners[project]], made.bases[project], dice)
        kinds: tuple[Fields, ...] = (
            {"name": f"{one['name']}, {dice.choice(words.JOBS)}"},
            {"notepad": dice.choice((*words.NOTES, None))},
            jobs.moved(dice),
            {"primary_contact": contact},
        )
        yield _patch("companycam", "projects", project, kinds[turn % len(kinds)])


def _photo_edits(made: Made, dice: Random) -> Iterator[Step]:
    """Some at a time the same, as an office does it: described, placed, moved to another job, their time corrected."""
    chosen = [one["id"] for one in _some(made.photos, _EDITED, dice)]
    for turn, start in enumerate(range(0, len(chosen), _TOGETHER)):
        project = dice.choice(made.projects)
        shot = dice.choice(words.SHOTS)
        kinds: tuple[Fields, ...] = (
            {"description": shot},
            {"description": shot, "coordinates": jobs.near(project, dice)},
            {"project_id": project["id"]},
            {"captured_at": dice.choice(made.photos)["captured_at"]},
        )
        body: Fields = {"ids": chosen[start : start + _TOGETHER], "fields": kinds[turn % len(kinds)]}
        yield Step("companycam", "PATCH", "photos", body)


def _patch(vendor: Vendor, kind: str, record_id: JsonValue, fields: Fields) -> Step:
    return Step(vendor, "PATCH", f"{kind}/{record_id}", fields)


def _put(kind: str, record: Fields, name: str, choices: Sequence[str], dice: Random) -> Step:
    return Step("companycam", "POST", f"{kind}/{record['id']}/{name}", {"display_value": dice.choice(choices)})


def _some(items: Sequence[Item], share: float, dice: Random) -> list[Item]:
    """This share of the items, at least one."""
    return dice.sample(items, max(1, round(len(items) * share)))
