"""The columns of `projects.projects` that CompanyCam's fields feed, and what each can hold."""

from typing import Final

from synckit.columns import Column, Kind

PROJECT_COLUMNS: Final = {
    "name": Column(Kind.TEXT, length=500, default=""),
    "service_street": Column(Kind.TEXT, default=""),
    "service_city": Column(Kind.TEXT, length=255, default=""),
    "service_state": Column(Kind.TEXT, length=50, default=""),
    "service_postal_code": Column(Kind.EXACT, length=20, default=""),
    "service_country": Column(Kind.COUNTRY, length=2, default="US"),
    "service_latitude": Column(Kind.LATITUDE, "numeric"),
    "service_longitude": Column(Kind.LONGITUDE, "numeric"),
    "notes": Column(Kind.TEXT),
}
