"""What a simulator's handlers work with."""

from dataclasses import dataclass

from simulators.sender import Sender
from simulators.storage import Connection
from simulators.vendor import Vendor


@dataclass(frozen=True, slots=True)
class Resources:
    """Its vendor's rules, its state, and the loop that delivers."""

    vendor: Vendor
    connection: Connection
    sender: Sender
