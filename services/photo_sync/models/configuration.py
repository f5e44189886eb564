"""`integration_configs.config` of COMPANY_CAM, as data. Every part has a default."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

ProjectType = Literal[
    "INTERIOR_PAINTING",
    "EXTERIOR_PAINTING",
    "CABINET_REFINISHING",
    "DECK_STAINING",
    "PRESSURE_WASHING",
    "DRYWALL_REPAIR",
    "WALLPAPER_REMOVAL",
    "TOUCH_UP",
    "MAINTENANCE",
]
PhotoCategory = Literal[
    "BEFORE", "PROGRESS", "AFTER", "DAMAGE", "PREPARATION", "MATERIALS", "TEAM", "SITE_CONDITIONS", "QUALITY_CONTROL"
]


class CompanyCamConfig(BaseModel):
    """All of it. What the row leaves out is as shipped."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    relation_types: tuple[str, ...] = ("Salesforce",)
    """The `type`s of a project's integrations whose relation id is a Salesforce record."""
    project_type: ProjectType = "INTERIOR_PAINTING"
    photo_category: PhotoCategory = "PROGRESS"
