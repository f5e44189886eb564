"""What a process says of itself at /metrics, and by how much it grew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
NOTHING: Final = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """One look at one process."""

    values: Mapping[tuple[str, Labels], float]

    def __call__(self, name: str, **labels: str) -> float:
        """The value of this very sample; 0 where it is not there."""
        return self.values.get((name, frozenset(labels.items())), NOTHING)


async def look(http: httpx.AsyncClient, url: str) -> Samples:
    """The metrics of the process at this URL."""
    answer = await http.get(f"{url}/metrics")
    answer.raise_for_status()
    return Samples(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
    )
