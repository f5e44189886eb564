"""What the doors and the webhook log read from their environment."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from synckit.settings import SHORTEST_SECRET, Names, NotEmpty, PostgresDsn, ProcessSettings, Secrets
from webhook_ingest import signatures

_COMPARED = 15
"""Of an organization's id: samples show the masked short form too."""


def _compared(ids: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(one) < _COMPARED for one in ids):
        raise ValueError("holds an id of fewer than 15 characters")
    return tuple(one[:_COMPARED] for one in ids)


def _keys(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(signatures.key(secret)) < SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"holds a key of fewer than {SHORTEST_SECRET} bytes")
    return secrets


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for name in names:
            ip_network(name)
    except ValueError:
        raise ValueError("holds what is neither an address nor a network") from None
    return names


class IngestSettings(ProcessSettings):
    """Who may push. Each list may hold two secrets while one replaces the other."""

    salesforce_organization_ids: Annotated[Names, AfterValidator(_compared), NotEmpty]
    salesforce_endpoint_tokens: Annotated[Secrets, NotEmpty]
    salesforce_webhook_secrets: Annotated[Secrets, AfterValidator(_keys)] = ()
    salesforce_bearer_tokens: Secrets = ()
    companycam_webhook_tokens: Annotated[Secrets, NotEmpty]
    integrations_dsn: PostgresDsn
    spool_after_seconds: Annotated[float, Field(gt=0, le=2.4)] = 2.0
    """How long a request waits for Kafka. With more, too little of a door's 4 s were left for the spool."""
    address_requests_per_second: Annotated[float, Field(ge=0)] = 0.0
    """Of one address; 0 for no limit."""
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = ()
    """Addresses or networks whose `X-Forwarded-For` is believed."""


class LogSettings(ProcessSettings):
    """The one database of the webhook log, and whose Outbound Messages it may take out of quarantine."""

    integrations_dsn: PostgresDsn
    salesforce_organization_ids: Annotated[Names, AfterValidator(_compared)] = ()
    """As at the door, where a message that could not be read was never asked whose it is. Without any none is taken."""
