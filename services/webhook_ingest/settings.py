"""What the doors and the webhook log read from their environment."""

from typing import Annotated

from pydantic import AfterValidator

from synckit.settings import Names, PostgresDsn, ProcessSettings, Secrets

_COMPARED = 15
"""Of an organization's id: samples show the masked short form too."""


def _compared(ids: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(one) < _COMPARED for one in ids):
        raise ValueError("holds an id of fewer than 15 characters")
    return tuple(one[:_COMPARED] for one in ids)


class IngestSettings(ProcessSettings):
    """Who may push. Each list may hold two secrets while one replaces the other."""

    salesforce_organization_ids: Annotated[Names, AfterValidator(_compared)]
    salesforce_endpoint_tokens: Secrets
    salesforce_webhook_secrets: Secrets = ()
    salesforce_bearer_tokens: Secrets = ()
    companycam_webhook_tokens: Secrets


class LogSettings(ProcessSettings):
    """The one database of the webhook log."""

    integrations_dsn: PostgresDsn
