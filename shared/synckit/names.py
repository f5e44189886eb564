"""The names that processes and commands read from their environment, and what may stand there. No pydantic in here."""

PREFIX = "PAINTBOX_"

PUBLIC_NAMES = (
    "PAINTBOX_CUSTOMERS_DSN",
    "PAINTBOX_PROJECTS_DSN",
    "PAINTBOX_ESTIMATES_DSN",
    "PAINTBOX_INTEGRATIONS_DSN",
    "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS",
    "PAINTBOX_INGEST_URL",
    "PAINTBOX_WEBHOOK_LOG_URL",
    "PAINTBOX_CUSTOMER_SYNC_URL",
    "PAINTBOX_PHOTO_SYNC_URL",
    "PAINTBOX_ESTIMATES_SYNC_URL",
    "PAINTBOX_SCHEDULER_URL",
    "PAINTBOX_SALESFORCE_URL",
    "PAINTBOX_COMPANYCAM_URL",
    "PAINTBOX_SALESFORCE_ORGANIZATION_IDS",
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS",
    "PAINTBOX_SALESFORCE_WEBHOOK_SECRETS",
    "PAINTBOX_SALESFORCE_BEARER_TOKENS",
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS",
    "PAINTBOX_SERVICE_TOKENS",
    "PAINTBOX_LOCAL_POSTGRES_BIN",
    "PAINTBOX_FAILPOINTS",
    "PAINTBOX_ENVIRONMENT",
    "PAINTBOX_LISTEN",
    "PAINTBOX_KAFKA_REPLICATION_FACTOR",
    "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS",
    "PAINTBOX_LOG_LEVEL",
    "PAINTBOX_DIRECTORY",
    "PAINTBOX_SPOOL_AFTER_SECONDS",
    "PAINTBOX_ADDRESS_REQUESTS_PER_SECOND",
    "PAINTBOX_TRUSTED_PROXIES",
    "PAINTBOX_DRAIN_SECONDS",
    "PAINTBOX_SIMULATOR_DIRECTORY",
    "PAINTBOX_SIMULATOR_RETRY_SECONDS",
    "PAINTBOX_SIMULATOR_ACCESS_TOKENS",
)
"""Every name that some process or command reads. A name with our prefix outside this list is taken for a typo."""


def check_servers(value: str) -> str:
    """The value, where it names one broker or more. ValueError, which does not quote it, where the client could not."""
    for one in value.split(","):
        host, _, port = one.strip().rpartition(":")
        if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError("is not of the form host:port,host:port")
    return value
