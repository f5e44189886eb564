"""The traffic of a proof: seeded waves of records made, edited, deleted and brought back, spread over its minutes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor
from random import Random
from typing import Final

from paintbox.errors import OperatorError
from paintbox.prove import canaries
from paintbox.prove.checks.published import STEP
from paintbox.prove.checks.secret import Canary
from paintbox.world import edits, making, people, runs, steering
from paintbox.world.edits import Step, Vendor
from paintbox.world.making import Made
from paintbox.world.people import Fields
from paintbox.world.runs import Run, Size
from paintbox.world.steering import Simulators

WAVE_SECONDS: Final = 10.0
MAKING_SECONDS: Final = 8.0
"""How long the records of a wave are being made, and each of its other phases takes."""
WAVE: Final = Size(accounts=12, contacts=50, projects=15, photos=110)
"""With its edits, deletions and duplicates about 37 deliveries a second."""
CROWD: Final = 1_400
"""Contacts of one account: more than a batch projects when it changes, so the rest is done beside the batches."""
CROWD_SECONDS: Final = 60.0
"""How long they are being made. A proof that is not twice as long has none."""
CROWD_EDITS_SECONDS: Final = 15.0
CROWD_RUN: Final = 9_999
"""Above every wave's number: the longest proof has 3,600."""
COUNTED: Final = -1
"""Below every wave's number."""
STEP_SECONDS: Final = 2.0
"""Between the changes of what is counted up: less than a late delivery is late."""
MADE_AT_ONCE: Final = 5
AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Act:
    """One request to a simulator. Within a wave a phase begins when the one before has ended."""

    at_seconds: float
    wave: int
    phase: int
    vendor: Vendor
    method: str
    path: str
    body: object


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is done, in the order of time, and what must never be seen outside of its place."""

    acts: Sequence[Act]
    canaries: Sequence[Canary]
    traced: str = ""
    """The id of a record that holds canaries."""


def plan(seed: int, minutes: float, began_ms: int) -> Plan:
    """The traffic of this seed. The same seed makes the same records under other ids, at the same times."""
    acts = [*_counted(runs.begin(-1 - seed, began_ms), minutes * 60)]
    found = canaries.of_everybody()
    taken: set[str] = set()
    traced: list[str] = []
    waves = 1 + max(0, floor((minutes * 60 - MAKING_SECONDS) / WAVE_SECONDS))
    for number in range(waves):
        run = runs.begin(seed * 1_000 + number, began_ms)
        made = making.make(run, WAVE, frozenset(taken), canaries.NAMED)
        taken |= set(_own_numbers(made))
        found += canaries.of_the_named(made)
        traced.append(canaries.named_contacts(made)[0])
        acts += _wave(run, number, made)
    if minutes * 60 >= 2 * CROWD_SECONDS:
        acts += _crowd(runs.begin(seed * 1_000 + CROWD_RUN, began_ms), minutes * 60)
    whole = (act for act in acts if act.phase == 0 or act.at_seconds < minutes * 60)
    return Plan(sorted(whole, key=lambda act: act.at_seconds), found, traced[0])


def _own_numbers(made: Made) -> Iterator[str]:
    """The numbers, in E.164, that projects name their customers by."""
    for project in made.projects:
        person = project["primary_contact"]
        if isinstance(person, dict) and person.get("phone_number"):
            yield "+1" + "".join(filter(str.isdecimal, str(person["phone_number"])))[-10:]


def _wave(run: Run, number: int, made: Made) -> Iterator[Act]:
    """Each before what it hangs on; then edits, labels, deletions, second thoughts."""
    start = number * WAVE_SECONDS
    third = len(made.photos) // 3
    phases: list[list[Act]] = [
        [
            *_made(number, "companycam", "photos", made.photos[:third]),
            *_made(number, "companycam", "projects", made.projects),
            *_made(number, "companycam", "photos", made.photos[third:]),
            *_made(number, "salesforce", "Contact", made.contacts),
            *_made(number, "salesforce", "Account", made.accounts),
        ]
    ]
    owners = set(made.owners.values())
    rounds = [*edits.edits(run, made), *edits.endings(run, made)]
    phases += [[_act(number, step) for step in steps if not _removes(step, owners)] for steps in rounds]
    for phase, acts in enumerate(phases):
        begins = start + (phase + 1) * WAVE_SECONDS / 2 if phase else start
        for index, act in enumerate(acts):
            yield replace(act, at_seconds=begins + MAKING_SECONDS * index / len(acts), phase=phase)


def _crowd(run: Run, seconds: float) -> Iterator[Act]:
    """One account with all its contacts, and then, by turns, its name and its address."""
    dice = Random(run.seed)  # noqa: S311 - to be repeatable, not to be secret
    account = people.an_account(run, 0, dice)
    contacts = [people.a_contact(run, index, [account], dice) | {"AccountId": account["Id"]} for index in range(CROWD)]
    for contact in contacts:  # no project is to find one of them by a number that others have too
        contact.pop("Phone", None)
        contact.pop("MobilePhone", None)
    made = [*_made(CROWD_RUN, "salesforce", "Account", [account]), *_made(CROWD_RUN, "salesforce", "Contact", contacts)]
    for index, act in enumerate(made):
        yield replace(act, at_seconds=CROWD_SECONDS * index / len(made))
    path = f"Account/{account['Id']}"
    for edit in range(1 + int((seconds - CROWD_SECONDS) / CROWD_EDITS_SECONDS)):
        body = {"Name": f"{account['Name']} {edit}"} if edit % 2 else people.moved("Billing", dice)
        at = CROWD_SECONDS + edit * CROWD_EDITS_SECONDS
        yield Act(at, CROWD_RUN, edit + 1, "salesforce", "PATCH", path, body)


def _counted(run: Run, seconds: float) -> Iterator[Act]:
    """A customer and a project of his whose names are counted up, faster than deliveries overtake each other."""
    contact, project = run.salesforce_id(runs.CONTACT, 0), run.companycam_id(runs.PROJECT, 0)
    customer: Fields = {"Id": contact, "FirstName": f"{STEP} 0", "LastName": "Counted"}
    relation: Fields = {"type": "Salesforce", "relation_id": contact}
    job: Fields = {"id": project, "name": f"{STEP} 0", "primary_contact": None, "integrations": [relation]}
    yield from _made(COUNTED, "salesforce", "Contact", [customer])
    yield from _made(COUNTED, "companycam", "projects", [job])
    for step in range(1, int(seconds / STEP_SECONDS)):
        at, name = step * STEP_SECONDS, f"{STEP} {step}"
        yield Act(at, COUNTED, step, "salesforce", "PATCH", f"Contact/{contact}", {"FirstName": name})
        yield Act(at, COUNTED, step, "companycam", "PATCH", f"projects/{project}", {"name": name})


def _removes(step: Step, owners: set[str]) -> bool:
    """Whether it deletes a customer whom a project names: whether it is found would then hang on who is faster."""
    parts = step.path.split("/")
    is_change = step.method == "DELETE" or parts[-1] == "undelete"
    return is_change and parts[0] == "Contact" and parts[1] in owners


def _made(wave: int, vendor: Vendor, kind: str, records: Sequence[Fields]) -> Iterator[Act]:
    for start in range(0, len(records), MADE_AT_ONCE):
        yield Act(0, wave, 0, vendor, "POST", kind, list(records[start : start + MADE_AT_ONCE]))


def _act(wave: int, step: Step) -> Act:
    return Act(0, wave, 0, step.vendor, step.method, step.path, step.body)


Done = Callable[[OperatorError | None], None]
"""Told after each act: why it failed, or that it did not."""


async def drive(simulators: Simulators, planned: Plan, seed: int, done: Done) -> None:
    """Does all of it, at its times or as soon as the simulators get to it.

    An act that failed is told, and the others go on: the truth is what the simulators hold, whatever they were asked.
    Takes over the simulators' faults. Raises OperatorError where those cannot be set.
    """
    await steering.misbehave(simulators, seed, patient=True)
    began, turns = time.monotonic(), asyncio.Semaphore(AT_ONCE)
    tasks: dict[tuple[int, int], list[asyncio.Task[None]]] = defaultdict(list)

    async def one(act: Act, before: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.gather(*before)
        async with turns:
            try:
                await steering.ask(simulators, act.vendor, act.method, f"records/{act.path}", json=act.body)
            except OperatorError as error:
                done(error)
            else:
                done(None)

    async with asyncio.TaskGroup() as group:
        for act in planned.acts:
            await asyncio.sleep(max(began + act.at_seconds - time.monotonic(), 0))
            before = tasks[act.wave, act.phase - 1]
            tasks[act.wave, act.phase].append(group.create_task(one(act, before)))
    await steering.only_be_patient(simulators)
