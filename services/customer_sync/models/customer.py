"""A customer as the projection makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from synckit.columns import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The row that the mirror asks for. Times are milliseconds since 1970."""

    id: UUID
    salesforce_id: str
    account_id: str | None
    """The Account of the Contact, known or not."""
    columns: Mapping[str, Any]
    status: str
    account_type: str
    deleted_at: int | None
    is_known: bool
    """Whether anything was ever said of it beside that it is deleted."""
    source_modified_at: int
    source_version: int
    problems: tuple[Problem, ...] = field(default=())
