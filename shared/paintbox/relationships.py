"""Whose projects are, as their owner has published it: what a database that was put back takes over from there.

Whose a project is depends on the order in which customers and projects became known, so what is read again may decide
otherwise; and a relationship that the owner does not know is one that it never ends.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import photo_sync.store.matches
from photo_sync.rules import announcements
from photo_sync.store.rows import FEDERATION_KEYS
from synckit import federation
from synckit.contracts.compacted import Erased, Standing
from synckit.contracts.values import FederationKey, ProjectChanged, Versioned
from synckit.identity import project_id
from synckit.postgres import Connection

AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Lacking:
    """Relationships in the order of their keys, and customers by CompanyCam's project id."""

    keys: tuple[FederationKey, ...] = ()
    matches: dict[str, UUID] = field(default_factory=dict)


class Relationships:
    """What is published about projects: of each relationship the newest, and by which id CompanyCam knows a project."""

    def __init__(self) -> None:
        self._keys: dict[str, FederationKey] = {}
        self._vendor_ids: dict[UUID, str] = {}

    def take(self, said: Standing[Versioned] | Erased) -> None:
        """Add what a record says; those of one key in their order."""
        if isinstance(said, Erased):
            self._keys.pop(said.key, None)
        elif isinstance(said.value, FederationKey):
            known = self._keys.get(said.key)
            is_newer = known is None or said.value.source_version > known.source_version
            if is_newer and _is_a_projects(said.value):
                self._keys[said.key] = said.value
        elif isinstance(said.value, ProjectChanged):
            vendor_id = said.value.company_cam_id
            if project_id(vendor_id) == said.value.project_id:
                self._vendor_ids[said.value.project_id] = vendor_id

    async def find_lacking(self, connection: Connection) -> Lacking:
        """What paintbox_projects has older, otherwise or not at all.

        Asks no database where nothing is published about projects.
        """
        if not self._keys:
            return Lacking()
        living = {key.local_id: dict[str, int]() for key in self._keys.values()}
        stored: dict[tuple[UUID, str], int] = {}
        for row in await federation.list_owned(connection, FEDERATION_KEYS, announcements.CUSTOMERS, living):
            stored[row["local_id"], row["external_id"]] = row["source_version"]
            if row["is_living"]:
                living[row["local_id"]][row["external_id"]] = row["source_version"]
        lacking: list[FederationKey] = []
        for _, key in sorted(self._keys.items()):
            if key.source_version <= stored.get((key.local_id, key.external_id), -1):
                continue
            lacking.append(key)
            living[key.local_id].pop(key.external_id, None)
            if key.deleted_at is None:
                living[key.local_id][key.external_id] = key.source_version
        return Lacking(tuple(lacking), await self._other_matches(connection, living))

    async def _other_matches(self, connection: Connection, living: dict[UUID, dict[str, int]]) -> dict[str, UUID]:
        """Whose the projects are by their newest living relationship, where that is not what is stored."""
        said = {
            self._vendor_ids[project]: UUID(max(customers, key=lambda one: (customers[one], one)))
            for project, customers in living.items()
            if customers and project in self._vendor_ids
        }
        stored = await photo_sync.store.matches.list_matches(connection, list(said))
        return {
            vendor_id: customer
            for vendor_id, customer in sorted(said.items())
            if vendor_id not in stored or stored[vendor_id].customer_id != customer
        }


def _is_a_projects(key: FederationKey) -> bool:
    """Whether it is of the kind that photo-sync makes."""
    try:
        customer = UUID(key.external_id)
    except ValueError:
        return False
    made = announcements.owned_key(key.local_id, customer, key.source_version, is_deleted=False)
    names = ("local_table", "external_service", "external_table", "external_id", "relationship_type")
    return all(getattr(key, name) == getattr(made, name) for name in names)


async def restore(connection: Connection, lacking: Lacking) -> None:
    """Write what paintbox_projects lacks. The caller owns the transaction; the owner does not run."""
    for start in range(0, max(len(lacking.keys), 1), AT_ONCE):
        await federation.restore_owned(connection, FEDERATION_KEYS, lacking.keys[start : start + AT_ONCE])
    await photo_sync.store.matches.restore_matches(connection, lacking.matches)
