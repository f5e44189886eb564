"""Nothing leaks (I6): what is private or secret stands nowhere but where it belongs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from paintbox.prove.verdicts import Verdict, Violation, verdict

SHOWN: Final = 3
"""How many places that could not be read are named."""


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


def nothing_leaked(looked_at: Mapping[str, int | None], seen: Iterable[Sighting], canaries: int) -> Verdict:
    """No canary was seen, and every place was read. `looked_at`: how many bytes of each were searched, or None."""
    found = [Violation(one.place, f"holds {one.kind}") for one in seen]
    searched = [size for size in looked_at.values() if size is not None]
    unread = [place for place, size in looked_at.items() if size is None]
    note = f"{canaries} canaries, {sum(searched) / 1e6:.1f} MB"
    if unread:
        more = f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else ""
        note += f"; could not be read: {', '.join(unread[:SHOWN])}{more}"
    places = 0 if unread or not canaries else len(searched)
    return verdict(
        "I6", "no secret and nothing personal in logs, metrics, problems, reasons, stories", places, found, note
    )
