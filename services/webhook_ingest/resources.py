"""What every door works with."""

from dataclasses import dataclass

from webhook_ingest.admission import Admission
from webhook_ingest.custody import Custody
from webhook_ingest.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Resources:
    """Who may push, what is taken on at a time, and where it is kept."""

    settings: IngestSettings
    admission: Admission
    custody: Custody
