"""Every topic: its name, key, partitions, cleanup and retention. `paintbox topics apply` makes them so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
DAY_MS = 24 * 60 * 60 * 1000
WEBHOOK_DAYS: Final = 14
"""For so long a consumer may stand still, or a backup be old, and what came meanwhile is read again."""
ERASURE_DAYS: Final = WEBHOOK_DAYS
"""For so long an erasure stays in a compacted topic at least. Who reads later never learns of it."""


class Cleanup(StrEnum):
    """What Kafka does with old records."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as we make it. `key` and `value` describe the record to a person."""

    name: str
    key: str
    value: str
    cleanup: Cleanup
    retention_days: int | None = None

    @property
    def partitions(self) -> int:
        """How many it is created with. A compacted topic keeps them: more would part a key from its tombstones."""
        return 6 if self.cleanup is Cleanup.DELETE else 12

    @property
    def config(self) -> dict[str, str]:
        """Its configuration at the broker, but for replication, which is a setting."""
        config = {
            "cleanup.policy": self.cleanup.value,
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "unclean.leader.election.enable": "false",
        }
        if self.cleanup is Cleanup.DELETE:
            config["message.timestamp.type"] = "LogAppendTime"
            config["retention.ms"] = str((self.retention_days or 0) * DAY_MS)
        else:
            config["delete.retention.ms"] = str(ERASURE_DAYS * DAY_MS)
        return config


def _deleted(name: str, days: int, key: str, value: str) -> Topic:
    return Topic(name, key, value, Cleanup.DELETE, days)


def _compacted(name: str, key: str, value: str) -> Topic:
    return Topic(name, key, value, Cleanup.COMPACT)


WEBHOOKS_SALESFORCE: Final = _deleted(
    "paintbox.webhooks.salesforce.v1",
    WEBHOOK_DAYS,
    "18-character record id",
    "one notification, change event or Apex record",
)
WEBHOOKS_COMPANYCAM: Final = _deleted(
    "paintbox.webhooks.companycam.v1",
    WEBHOOK_DAYS,
    "CompanyCam project id where the payload names one, else `<resource>:<id>`",
    "the body as CompanyCam sent it",
)
WEBHOOKS_QUARANTINED: Final = _deleted("paintbox.webhooks.quarantined.v1", 90, "event id", "Quarantined")
SYNC_REQUESTS: Final = _deleted(
    "paintbox.sync.requests.v1", WEBHOOK_DAYS, "`service:entity_type[:scope]`", "SyncRequest"
)
FEDERATION_KEYS: Final = _compacted(
    "paintbox.federation.keys.v1",
    "`local_service/local_table/local_id/external_service/external_table/external_id`",
    "FederationKey",
)
CUSTOMERS_CHANGES: Final = _compacted("paintbox.customers.changes.v1", "customer id", "CustomerChanged")
PROJECTS_CHANGES: Final = _compacted("paintbox.projects.changes.v1", "project id", "ProjectChanged")
ESTIMATES_CHANGES: Final = _compacted("paintbox.estimates.changes.v1", "estimate id", "EstimateChanged")
REFERENCE: Final = _compacted("paintbox.reference.v1", "`table/code`", "a row of the `reference` schema")

TOPICS: Final = (
    WEBHOOKS_SALESFORCE,
    WEBHOOKS_COMPANYCAM,
    WEBHOOKS_QUARANTINED,
    SYNC_REQUESTS,
    FEDERATION_KEYS,
    CUSTOMERS_CHANGES,
    PROJECTS_CHANGES,
    ESTIMATES_CHANGES,
    REFERENCE,
)
