"""The ids of all that a run makes: the vendors', and those of our rows, which are computed from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from paintbox.world.making import Made
from synckit import identity


@dataclass(frozen=True, slots=True)
class Ids:
    """Vendors' ids by kind, and our ids of the rows that they become."""

    records: Sequence[str]
    """The vendors' ids of everything."""
    project_records: Sequence[str]
    photo_records: Sequence[str]
    customers: Sequence[UUID]
    projects: Mapping[UUID, str]
    """Our id → CompanyCam's."""
    photos: Sequence[UUID]

    @property
    def rows(self) -> int:
        """How many rows there will be: an account is a part of its contacts' rows."""
        return len(self.customers) + len(self.projects) + len(self.photos)


NOTHING: Final = Ids((), (), (), (), {}, ())


def ids_of(made: Made) -> Ids:
    """The ids of these records and their rows."""
    accounts, contacts = ([str(one["Id"]) for one in kind] for kind in (made.accounts, made.contacts))
    projects, photos = ([str(one["id"]) for one in kind] for kind in (made.projects, made.photos))
    return Ids(
        records=[*accounts, *contacts, *projects, *photos],
        project_records=projects,
        photo_records=photos,
        customers=[identity.customer_id(one) for one in contacts],
        projects={identity.project_id(one): one for one in projects},
        photos=[identity.photo_id(one) for one in photos],
    )
