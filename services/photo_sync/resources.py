"""What the handlers of photo_sync work with, made once a process."""

from dataclasses import dataclass

from photo_sync.models.configuration import CompanyCamConfig
from synckit.integrations.configs import Configuration
from synckit.mirror.projector import Projector
from synckit.outbox.relay import Relay
from synckit.postgres import Pool


@dataclass(frozen=True, slots=True)
class Resources:
    """The pools of both databases, the configuration in force, who projects and who publishes."""

    projects: Pool
    integrations: Pool
    config: Configuration[CompanyCamConfig]
    relay: Relay
    projector: Projector
