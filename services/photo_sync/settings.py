"""What photo_sync reads from its environment."""

from synckit.settings import PostgresDsn, ProcessSettings, Secrets


class Settings(ProcessSettings):
    """Its two databases, Kafka, and who may ask it for references."""

    projects_dsn: PostgresDsn
    integrations_dsn: PostgresDsn
    service_tokens: Secrets
