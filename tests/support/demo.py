"""Records of the demo, without any server."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from paintbox.world import runs
from paintbox.world.making import Made, make
from paintbox.world.runs import Run, Size
from synckit.identity import salesforce_id18

NOON: Final = 1_790_000_000_000
SIZE: Final = Size(accounts=20, contacts=100, projects=60, photos=200)

Fields = Mapping[str, Any]


def a_run(seed: int = 7, now_ms: int = NOON) -> Run:
    return runs.begin(seed, now_ms)


def a_made(run: Run | None = None, size: Size = SIZE, taken: frozenset[str] = frozenset()) -> Made:
    return make(run or a_run(), size, taken)


def digits(number: str) -> str:
    """The ten digits of a number, however it is written."""
    return "".join(filter(str.isdecimal, number))[-10:]


def meant(project: Fields, contacts: Iterable[Fields]) -> list[set[str]]:
    """The contacts that a project could mean, on each basis that any can be meant on, strongest first."""
    person = project["primary_contact"] or {}
    email, number = person.get("email"), person.get("phone_number")
    relations = {salesforce_id18(one["relation_id"]) for one in project["integrations"]}
    found = [
        {one["Id"] for one in contacts if one["Id"] in relations},
        {one["Id"] for one in contacts if email and (one.get("Email") or "").lower() == email.lower()},
        {one["Id"] for one in contacts if number and digits(one.get("Phone") or "") == digits(number)},
    ]
    return [those for those in found if those]
