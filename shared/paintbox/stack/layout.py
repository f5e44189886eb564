"""Of how many and of which processes a stack consists, beyond one of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MOST_REPLICAS: Final = 9
REPLICA: Final = re.compile(r"^(?P<service>.+)-(?P<number>[2-9])$")


@dataclass(frozen=True, slots=True)
class Layout:
    """What was chosen when the stack was made or last changed. The default is what `paintbox up` starts."""

    replicas: int = 1
    """How often each service runs."""
    edge: bool = False
    """nginx stands before the doors, and the vendors send there."""
    proxies: bool = False
    """The services reach PostgreSQL and Kafka through TCP proxies of ours only."""
    postgres: dict[str, str] = field(default_factory=dict)
    """Settings of PostgreSQL that win over the stack's."""
    lasting: bool = False
    """Kafka runs for long, and compiles what is hot a second time: slower to start, faster afterwards."""


def replica(service: str, number: int) -> str:
    """The name of the service's first, second, … process: `customer-sync`, `customer-sync-2`."""
    return service if number == 1 else f"{service}-{number}"


def replicas(service: str, layout: Layout) -> list[str]:
    """The names of all processes of a service."""
    return [replica(service, number) for number in range(1, layout.replicas + 1)]


def service_of(process: str) -> str:
    """Which service a process is a replica of; its own name where it is the first, or no service."""
    found = REPLICA.match(process)
    return found["service"] if found else process


def surplus(names: Iterable[str], layout: Layout) -> list[str]:
    """Those of the processes that are replicas above the layout's number."""
    numbered = ((name, REPLICA.match(name)) for name in names)
    return [name for name, found in numbered if found and int(found["number"]) > layout.replicas]
