"""The comparison at the end of a run: what the databases have, against what the vendors hold now."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from paintbox.demo import events
from paintbox.demo.sessions import Sessions
from paintbox.world import comparison, expected, found, steering
from paintbox.world.comparison import Difference, Tally
from paintbox.world.edits import Vendor
from paintbox.world.expected import Held, Row
from paintbox.world.ids import Ids
from paintbox.world.runs import ACCOUNT, CONTACT, PHOTO, PROJECT, Run
from paintbox.world.steering import VENDORS, Delivery, Simulators
from synckit import times


@dataclass(frozen=True, slots=True)
class Holdings:
    """A run's records, as the vendors hold them."""

    accounts: Sequence[Held]
    contacts: Sequence[Held]
    projects: Sequence[Held]
    photos: Sequence[Held]
    tags: Mapping[str, Sequence[str]]
    """Photo → the words of its tags."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A run's rows, as the databases have them, by the vendor's id."""

    customers: Mapping[str, Row]
    projects: Mapping[str, Row]
    photos: Mapping[str, Row]


async def read_holdings(simulators: Simulators, run: Run, tagged: Iterable[str]) -> Holdings:
    """Everything of the run that the vendors hold now. Tags are asked for photo by photo: of these photos only."""
    accounts, contacts, projects, photos = await asyncio.gather(
        steering.list_records(simulators, "salesforce", "Account", run.salesforce_place(ACCOUNT)),
        steering.list_records(simulators, "salesforce", "Contact", run.salesforce_place(CONTACT)),
        steering.list_records(simulators, "companycam", "projects", run.companycam_place(PROJECT)),
        steering.list_records(simulators, "companycam", "photos", run.companycam_place(PHOTO)),
    )
    return Holdings(accounts, contacts, projects, photos, await steering.list_tags(simulators, tagged))


async def read_rows(sessions: Sessions, ids: Ids) -> Rows:
    """Every row of the run."""
    return Rows(
        customers=await found.customers(sessions.customers, ids.customers),
        projects=await found.projects(sessions.projects, list(ids.projects)),
        photos=await found.photos(sessions.projects, ids.photos),
    )


async def compare(
    sessions: Sessions, run: Run, ids: Ids, rows: Rows, deliveries_before: Mapping[Vendor, int]
) -> list[Tally]:
    """Everything of the run, kind by kind: what was expected, and what of it is so.

    `deliveries_before` is the number of each vendor's last delivery before the run.
    """
    deliveries = await _deliveries(sessions, run, deliveries_before)
    held = await read_holdings(sessions.simulators, run, _tagged(deliveries, rows.photos))
    projects = expected.projects(held.projects, held.contacts, held.photos)
    ours = ids.projects
    return [
        comparison.compare("customers", expected.customers(held.contacts, held.accounts), rows.customers),
        comparison.compare("projects", projects, rows.projects),
        comparison.compare("photos", expected.photos(held.photos, held.tags), rows.photos),
        comparison.compare(
            "projects matched",
            expected.matches(projects, held.projects),
            await found.matches(sessions.projects, ids.project_records),
        ),
        comparison.compare(
            "keys, at projects", expected.owned_keys(projects), await found.owned_keys(sessions.projects, ours)
        ),
        comparison.compare(
            "keys, at customers", expected.applied_keys(projects), await found.applied_keys(sessions.customers, ours)
        ),
        comparison.compare(
            "project facts, at customers",
            expected.project_facts(projects),
            await found.project_facts(sessions.customers, ours),
        ),
        events.tally(
            events.expected(deliveries),
            await found.events(sessions.integrations, ids.records, times.moment(run.began_ms)),
        ),
        await _compare_set_aside(sessions, run),
    ]


async def _deliveries(sessions: Sessions, run: Run, before: Mapping[Vendor, int]) -> list[Delivery]:
    """The run's deliveries to our doors; a simulator may have other subscribers."""
    deliveries: list[Delivery] = []
    for vendor in VENDORS:
        doors = await steering.list_subscriptions(sessions.simulators, vendor, sessions.doors)
        made = await steering.list_deliveries(sessions.simulators, vendor, before[vendor], doors)
        deliveries += [each for each in made if all(map(run.owns, each.records))]
    return deliveries


def _tagged(deliveries: Iterable[Delivery], photos: Mapping[str, Row]) -> set[str]:
    """Photos that were ever given a tag, by the vendor's own log, and those that have one in the database."""
    told = {record for each in deliveries if each.event == "photo.tag_added" for record in each.records}
    return told | {key for key, row in photos.items() if row["tags"]}


async def _compare_set_aside(sessions: Sessions, run: Run) -> Tally:
    """Nothing may be parked or quarantined; what is cannot be told to be of a record, so all since the run began is."""
    count = await found.count_set_aside(sessions.integrations, times.moment(run.began_ms))
    what = "parked or quarantined"
    differences = (Difference(what, "since the run began", "records", 0, count),) if count else ()
    return Tally(what, expected=0, equal=0, different=count, missing=0, differences=differences)
