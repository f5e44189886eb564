"""The metrics that only photo_sync has."""

from prometheus_client import Counter, Gauge

FIELD_PROBLEMS = Counter(
    "paintbox_project_field_problems_total",
    "Values of CompanyCam that a column could not take, by column and by what was wrong: not_text, too_long, "
    "unknown_country, not_a_coordinate",
    ["column", "problem"],
)
NOTIFICATIONS = Counter(
    "paintbox_companycam_notifications_total",
    "Events by what they said: merged, hint, implausible_time, ignored",
    ["outcome"],
)
CONTESTED = Gauge(
    "paintbox_contested_matches", "Projects that keep their customer although a second one matches at least as well"
)
