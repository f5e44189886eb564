"""Nothing leaks (I6): what is private or secret stands nowhere but where it belongs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from paintbox.prove.verdicts import Verdict, Violation, verdict


@dataclass(frozen=True, slots=True)
class Canary:
    """Something that would be recognised anywhere, in whatever case. Never shown: `kind` says what it is of."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A kind of canary, and a place where one of it stands."""

    kind: str
    place: str


def sightings(canaries: Iterable[Canary], place: str, content: bytes) -> list[Sighting]:
    """The kinds of canaries that stand in this content: as typed, or in the other case that we store and match by."""
    lowered = content.lower()
    return sorted(
        {Sighting(one.kind, place) for one in canaries if one.text and one.text.encode().lower() in lowered},
        key=lambda one: one.kind,
    )


def nothing_leaked(looked_at: Mapping[str, int], seen: Iterable[Sighting], canaries: int) -> Verdict:
    """No canary was seen. `looked_at`: how many bytes of each place were searched."""
    found = [Violation(one.place, f"holds {one.kind}") for one in seen]
    note = f"{canaries} canaries, {sum(looked_at.values()) / 1e6:.1f} MB"
    places = len(looked_at) if canaries else 0
    return verdict(
        "I6", "no secret and nothing personal in logs, metrics, problems, reasons, stories", places, found, note
    )
