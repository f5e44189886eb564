"""What customer_sync reads from its environment."""

from typing import Annotated

from synckit.settings import NotEmpty, PostgresDsn, ProcessSettings, Secrets


class Settings(ProcessSettings):
    """Its two databases, Kafka, and who may ask it for references."""

    customers_dsn: PostgresDsn
    integrations_dsn: PostgresDsn
    service_tokens: Annotated[Secrets, NotEmpty]
