"""From the mirror to `projects.projects`: a slice of projects, whose they are, and what is published of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Final
from uuid import UUID

from photo_sync import metrics
from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.models.matching import Match
from photo_sync.models.rows import Project
from photo_sync.rules import announcements
from photo_sync.rules.matching import decide
from photo_sync.rules.projection import is_deleted, project_from
from photo_sync.rules.reading import PROJECT
from photo_sync.store import candidates, matches
from photo_sync.store import rows as store
from photo_sync.store.rows import FEDERATION_KEYS, MIRROR, OUTBOX, VERSION_FLOOR
from synckit import federation
from synckit.federation import OwnedKey
from synckit.integrations.configs import Configuration
from synckit.mirror import notes
from synckit.mirror import store as mirror
from synckit.mirror.facts import Cause
from synckit.mirror.notes import Note
from synckit.mirror.steps import Projected
from synckit.observability.metrics import CHANGE_TO_ROW_SECONDS, PROJECTED, WEBHOOK_TO_ROW_SECONDS
from synckit.outbox import store as outbox
from synckit.postgres import Connection, Row

PHOTOS_OF: Final = "photos_of_project"
"""The object of a note that asks for the photos of projects whose row was made, moved or retired."""
CUSTOMER: Final = "customer"
"""The object of a note that asks for the projects that a customer matches."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A project whose row was written, as projected and as stored, and the event behind it."""

    project: Project
    row: Row
    cause: Cause


async def projects(_: Connection, note: Note, after: str) -> Sequence[str]:
    """The projects that a note names."""
    return notes.next_slice(note.ids, after)


async def projects_of_customers(connection: Connection, note: Note, after: str) -> Sequence[str]:
    """The projects that the customers of a note match."""
    return await candidates.list_projects_of(connection, [UUID(one) for one in note.ids], after, notes.SLICE)


async def project_slice(
    config: Configuration[CompanyCamConfig], connection: Connection, note: Note, project_ids: Sequence[str]
) -> Projected:
    """Lock the projects' records, then look whose they are: whoever committed last, record or customer, sees both."""
    mapping = await config.get()
    records = await mirror.lock(connection, MIRROR, [(PROJECT, one) for one in project_ids])
    before = await matches.list_matches(connection, project_ids)
    now = await _match(connection, before)
    owned = {
        record.id: project_from(record, match.customer_id, mapping)
        for record in records.values()
        if (match := now.get(record.id)) is not None and match.customer_id is not None
    }
    written = {row["company_cam_id"]: row for row in await store.upsert_projects(connection, list(owned.values()))}
    await matches.delete_matches(connection, [record.id for record in records.values() if is_deleted(record)])
    changed = [
        Changed(owned[key], row, notes.cause_of(note, records[PROJECT, key], str(row["customer_id"])))
        for key, row in sorted(written.items())
    ]
    await _announce(connection, changed)
    new = {one.project.company_cam_id: one.cause for one in changed if one.row["is_new"]}
    made = await notes.insert(connection, MIRROR, {PHOTOS_OF: new})
    return Projected(made, partial(_report, changed, list(owned.values())))


async def _match(connection: Connection, before: Mapping[str, Match]) -> dict[str, Match]:
    """Whose the projects are now; what is decided anew is stored."""
    found = await candidates.list_candidates(connection, list(before))
    now = {key: decide(match, found.get(key, ())) for key, match in before.items()}
    await matches.update_matches(connection, [match for key, match in now.items() if match != before[key]])
    return now


async def _announce(connection: Connection, changed: Sequence[Changed]) -> None:
    """Publish the projects, and their relationships that changed; in the order of their keys."""
    if not changed:
        return
    causes = {one.project.id: one.cause for one in changed}
    living: dict[UUID, set[UUID]] = {}
    for row in await federation.list_owned(connection, FEDERATION_KEYS, announcements.CUSTOMERS, causes):
        if row["is_living"]:
            living.setdefault(row["local_id"], set()).add(UUID(row["external_id"]))
    events = [announcements.project_changed(one.row, one.cause) for one in changed]
    keys = [key for one in changed for key in _owned_keys(one.project, living.get(one.project.id, set()))]
    said = await federation.upsert_owned(connection, FEDERATION_KEYS, VERSION_FLOOR, announcements.SERVICE, keys)
    events += [announcements.key_changed(key, causes[key.local_id]) for key in said]
    await outbox.insert(connection, OUTBOX, events)


def _owned_keys(project: Project, living: Iterable[UUID]) -> Iterable[OwnedKey]:
    """The relationship with its customer, ended where the project is deleted; those with all others, ended."""
    owned = partial(announcements.owned_key, project.id, source_version=project.source_version)
    yield owned(project.customer_id, is_deleted=project.deleted_at is not None)
    for other in living:
        if other != project.customer_id:
            yield owned(other, is_deleted=True)


def _report(changed: Sequence[Changed], projected: Sequence[Project]) -> None:
    now = time()
    PROJECTED.labels(PROJECT, "written").inc(len(changed))
    PROJECTED.labels(PROJECT, "unchanged").inc(len(projected) - len(changed))
    for one in changed:
        WEBHOOK_TO_ROW_SECONDS.labels(PROJECT).observe(max(now - one.cause.received_at / 1000, 0))
        CHANGE_TO_ROW_SECONDS.labels(PROJECT).observe(max(now - one.project.modified_at / 1000, 0))
    for project in projected:
        for problem in project.problems:
            metrics.FIELD_PROBLEMS.labels(problem.column, problem.problem).inc()
