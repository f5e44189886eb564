"""The metrics that only customer_sync has."""

from prometheus_client import Counter

FIELD_PROBLEMS = Counter(
    "paintbox_field_problems_total",
    "Values of a vendor that a column could not take, by column and by what was wrong: not_text, too_long, "
    "not_an_email, not_a_phone, reformatted, unknown_country, not_a_coordinate, not_an_amount, not_a_flag, "
    "not_a_salesforce_id, unknown_value (of a picklist that the mapping does not know)",
    ["column", "problem"],
)
NOTIFICATIONS = Counter(
    "paintbox_salesforce_notifications_total",
    "Notifications by what they said: merged, merged_unlisted (of an Outbound Message whose ActionId is not "
    "configured, so that it nulls nothing), hint, implausible_time, ignored",
    ["outcome"],
)
