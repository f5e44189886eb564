"""What a simulator reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from synckit.settings import Secrets, ServerSettings


class SimulatorSettings(ServerSettings):
    """Settings of either simulator; neither needs Kafka or PostgreSQL."""

    simulator_directory: Path
    simulator_retry_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """How long after its first failure a delivery is tried again. The vendors' own first interval is about 30 s."""
    simulator_access_tokens: Secrets = ()
    """The bearer tokens that the vendor's own API accepts; empty: any."""
