"""The rows as projections make them. Times are milliseconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from synckit.columns import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The row that a CompanyCam project and its customer ask for."""

    id: UUID
    company_cam_id: str
    customer_id: UUID
    columns: Mapping[str, Any]
    type: str
    is_archived: bool
    deleted_at: int | None
    source_version: int
    modified_at: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """The row that a CompanyCam photo asks for."""

    id: UUID
    project_id: UUID | None
    """None while the project that it stands in has no row."""
    company_cam_id: str
    url: str
    thumbnail_url: str | None
    mime_type: str
    category: str
    tags: tuple[str, ...]
    description: str | None
    captured_at: int
    uploaded_at: int
    latitude: float | None
    longitude: float | None
    metadata: Mapping[str, Any]
    sync_status: str
    modified_at: int
    problems: tuple[Problem, ...] = ()
