"""From the mirror to `projects.project_photos`: a slice of photos, of the projects that have a row."""

from collections.abc import Sequence
from functools import partial
from time import time

from photo_sync import metrics
from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.models.rows import Photo
from photo_sync.rules.projection import photo_from
from photo_sync.rules.reading import PHOTO
from photo_sync.store import rows as store
from photo_sync.store.rows import MIRROR
from synckit.identity import photo_id
from synckit.integrations.configs import Configuration
from synckit.mirror import notes
from synckit.mirror import store as mirror
from synckit.mirror.facts import Cause
from synckit.mirror.notes import Note
from synckit.mirror.steps import Projected
from synckit.observability.metrics import CHANGE_TO_ROW_SECONDS, PROJECTED, WEBHOOK_TO_ROW_SECONDS
from synckit.postgres import Connection


async def photos(_: Connection, note: Note, after: str) -> Sequence[str]:
    """The photos that a note names."""
    return notes.next_slice(note.ids, after)


async def photos_of_projects(connection: Connection, note: Note, after: str) -> Sequence[str]:
    """The photos of the projects that a note names."""
    return await mirror.list_children(connection, MIRROR, PHOTO, note.ids, after, notes.SLICE)


async def photo_slice(
    config: Configuration[CompanyCamConfig], connection: Connection, note: Note, photo_ids: Sequence[str]
) -> Projected:
    """Lock the photos' records, then their projects; photos whose project has no row are held in the mirror."""
    mapping = await config.get()
    records = (await mirror.lock(connection, MIRROR, [(PHOTO, one) for one in photo_ids])).values()
    parents = {record.parent_id for record in records if record.parent_id is not None}
    projects = await store.lock_projects_of(connection, [photo_id(record.id) for record in records], parents)
    asked = [
        (
            photo_from(record, projects.get(record.parent_id or ""), mapping),
            notes.cause_of(note, record, record.parent_id),
        )
        for record in records
    ]
    written = {row["id"] for row in await store.upsert_photos(connection, [photo for photo, _ in asked])}
    changed = [(photo, cause) for photo, cause in asked if photo.id in written]
    projected = [photo for photo, _ in asked if photo.project_id is not None or photo.id in written]
    return Projected(report=partial(_report, changed, projected))


def _report(changed: Sequence[tuple[Photo, Cause]], projected: Sequence[Photo]) -> None:
    now = time()
    PROJECTED.labels(PHOTO, "written").inc(len(changed))
    PROJECTED.labels(PHOTO, "unchanged").inc(len(projected) - len(changed))
    for photo, cause in changed:
        WEBHOOK_TO_ROW_SECONDS.labels(PHOTO).observe(max(now - cause.received_at / 1000, 0))
        CHANGE_TO_ROW_SECONDS.labels(PHOTO).observe(max(now - photo.modified_at / 1000, 0))
    for photo in projected:
        for problem in photo.problems:
            metrics.FIELD_PROBLEMS.labels(problem.column, problem.problem).inc()
