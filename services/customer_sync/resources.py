"""What the handlers of customer_sync work with, made once a process."""

from dataclasses import dataclass

from customer_sync.models.configuration import SalesforceConfig
from synckit.integrations.configs import Configuration
from synckit.mirror.projector import Projector
from synckit.outbox.relay import Relay
from synckit.postgres import Pool


@dataclass(frozen=True, slots=True)
class Resources:
    """The pools of both databases, the configuration in force, who projects and who publishes."""

    customers: Pool
    integrations: Pool
    config: Configuration[SalesforceConfig]
    relay: Relay
    projector: Projector
