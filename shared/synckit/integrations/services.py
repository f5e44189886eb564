"""Which vendor an event came from, as the shared database spells it."""

from typing import Final

from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders
from synckit.errors import PoisonError

SALESFORCE: Final = "SALESFORCE"
COMPANY_CAM: Final = "COMPANY_CAM"

_BY_SOURCE: Final = {
    headers.SOURCE_SALESFORCE_MESSAGES: SALESFORCE,
    headers.SOURCE_SALESFORCE_EVENTS: SALESFORCE,
    headers.SOURCE_COMPANYCAM: COMPANY_CAM,
}


def service_of(event: EventHeaders) -> str:
    """The `integration_service_enum` of an event; PoisonError where it came through no door of ours."""
    try:
        return _BY_SOURCE[event.source]
    except KeyError:
        raise PoisonError("unknown_source", "ce_source names none of the doors") from None
