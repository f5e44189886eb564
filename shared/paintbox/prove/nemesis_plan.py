"""Which faults when: drawn from a seed, and the same for the same seed."""

import random
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from paintbox.prove.faults.kind import EDGE, KAFKA, POSTGRES, PROCESS, SERVICE, Kind
from paintbox.stack.layout import replica

SERVICES: Final = ("webhook-ingest", "webhook-log", "customer-sync", "photo-sync")
GAP: Final = (3.0, 8.0)
LATER_SECONDS: Final = 1.0
"""By how much a fault is put off for which nothing is free."""
SETTLE_SECONDS: Final = {POSTGRES: 6.0, KAFKA: 12.0, EDGE: 4.0, PROCESS: 8.0, SERVICE: 40.0}
"""How long what was hit is left alone after its fault has ended, for its start."""
BOTH_SECONDS: Final = 5.0
"""PostgreSQL and Kafka are never both away for longer: the session of a consumer would end before anybody could act."""
AT_ONCE: Final = 3


@dataclass(frozen=True, slots=True)
class Stroke:
    """One fault of a plan."""

    number: int
    at: float
    """Seconds after the beginning."""
    kind: str
    target: str
    seconds: float
    says: str


def schedule(seed: int, kinds: Sequence[Kind], replicas: int, minutes: float) -> list[Stroke]:
    """The strokes of a seed in their order: for the same arguments always the same.

    Kinds are dealt like cards, so that each comes before any comes again, wherever what it hits is free. Where nothing
    of them fits, the next fault comes as soon as something does.
    """
    draw, busy = random.Random(seed), dict[str, float]()  # noqa: S311 - a plan that can be repeated is the point
    deck: list[Kind] = []
    strokes: list[Stroke] = []
    at = draw.uniform(*GAP)
    while at < minutes * 60 and kinds:
        if len(deck) < len(kinds):
            deck += draw.sample(list(kinds), len(kinds))
        stroke = next(_fitting(draw, deck, replicas, at, busy), None)
        if stroke is None:
            at = round(at + LATER_SECONDS, 1)
            continue
        kind, target, seconds = stroke
        deck.remove(kind)
        busy |= dict.fromkeys(hit(kind, target, replicas), at + seconds + SETTLE_SECONDS[kind.hits])
        strokes.append(Stroke(len(strokes) + 1, at, kind.name, target, seconds, kind.says.format(target=target)))
        at = round(at + draw.uniform(*GAP), 1)
    return strokes


def _fitting(
    draw: random.Random, deck: Sequence[Kind], replicas: int, at: float, busy: dict[str, float]
) -> Iterator[tuple[Kind, str, float]]:
    if sum(end > at for end in busy.values()) >= AT_ONCE * replicas:
        return
    for kind in deck:
        free = [
            one
            for one in _targets(kind, replicas)
            if all(busy.get(name, 0.0) <= at for name in hit(kind, one, replicas))
        ]
        if free:
            target, seconds = draw.choice(free), round(draw.uniform(*kind.seconds), 1)
            if not _leaves_neither(kind, at, seconds, busy):
                yield kind, target, seconds


def _targets(kind: Kind, replicas: int) -> list[str]:
    if kind.hits in {POSTGRES, KAFKA, EDGE}:
        return [kind.hits]
    numbers = range(1, replicas + 1) if kind.hits == PROCESS else [1]
    return [replica(service, number) for service in SERVICES for number in numbers]


def hit(kind: Kind, target: str, replicas: int) -> list[str]:
    """The processes that such a stroke takes for itself."""
    return [replica(target, number) for number in range(1, replicas + 1)] if kind.hits == SERVICE else [target]


def aftermath(process: str, healed: Sequence[Stroke], kinds: Sequence[Kind], replicas: int) -> Stroke | None:
    """Of these strokes the one of whose kind it is that what was hit may end by itself, after its healing has begun."""
    known = {kind.name: kind for kind in kinds}
    for stroke in healed:
        kind = known[stroke.kind]
        if kind.aftermath and process in hit(kind, stroke.target, replicas):
            return stroke
    return None


def disturbs(harmed: AbstractSet[str], healed: Stroke, kinds: Sequence[Kind], replicas: int) -> bool:
    """Whether what is harmed now keeps the rig from recovering of a stroke: it needs both servers, and what was hit."""
    kind = next(kind for kind in kinds if kind.name == healed.kind)
    return not harmed.isdisjoint({KAFKA, POSTGRES, *hit(kind, healed.target, replicas)})


def _leaves_neither(kind: Kind, at: float, seconds: float, busy: dict[str, float]) -> bool:
    """Whether both servers would be away for too long."""
    other = {POSTGRES: KAFKA, KAFKA: POSTGRES}.get(kind.hits)
    if other is None:
        return False
    left = busy.get(other, 0.0) - SETTLE_SECONDS[other] - at
    return min(left, seconds) > BOTH_SECONDS
