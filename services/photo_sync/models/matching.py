"""Whose a project is: what it is matched by, who matches, and what is decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

Basis = Literal["relation_id", "email", "phone"]
BASES: tuple[Basis, ...] = ("relation_id", "email", "phone")
"""Strongest first."""
MOST_CANDIDATES: Final = 20
"""That are looked for by one address, number or record, and that are kept of all: two decide as a thousand do, and a
placeholder that stands at a thousand customers may stand at a thousand projects, too."""
State = Literal["held", "ambiguous", "matched", "contested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchKeys:
    """What a project can be matched by, in normal form."""

    project_id: str
    relation_ids: tuple[str, ...]
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that matches, on which basis, and through which Salesforce record where that was the basis."""

    customer_id: UUID
    basis: Basis
    relation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Whose a project is, as stored."""

    project_id: str
    state: State = "held"
    customer_id: UUID | None = None
    basis: str | None = None
    candidates: tuple[UUID, ...] = ()
    """The others, `MOST_CANDIDATES` of them at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRef:
    """What we know of a customer, in the normal form that projects are matched by."""

    customer_id: UUID
    salesforce_ids: tuple[str, ...]
    email: str | None
    phone: str | None
    name: str
    merged_into: UUID | None
    source_version: int
    deleted_at: datetime | None
