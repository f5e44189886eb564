"""What was delivered and answered, held against the webhook log: each event of this run, done with exactly once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from paintbox.world.comparison import SHOWN, Difference, Tally
from paintbox.world.steering import Delivery

WHAT: Final = "webhook events, done with"
_FORMS: Final = {"cometd": "change_event", "event_relay": "change_event", "apex": "apex_callout"}
"""What the log calls a form that the simulators call otherwise."""
_SHARED: Final = "change_event"
_EXACT: Final = frozenset({_SHARED, "webhook"})
"""Forms whose copies have the same bytes, and so are the same event. The others carry the data of their sending."""

Place = tuple[str, str]
"""A record, and a form in which it was told of."""


@dataclass(frozen=True, slots=True)
class Due:
    """How many events there must be at one place."""

    least: int
    most: int


def expected(deliveries: Iterable[Delivery]) -> dict[Place, Due]:
    """How many events the answered deliveries are, by place. A copy is the event that it copies, if its data is too."""
    told: defaultdict[Place, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    attempts: Counter[Place] = Counter()
    for delivery in deliveries:
        for record in delivery.records if delivery.is_answered else ():
            place = record, _FORMS.get(delivery.form, delivery.form)
            told[place][delivery.subscription].add(delivery.copy_of or delivery.seq)
            attempts[place] += delivery.attempts
    return {place: _due(place[1], map(len, those.values()), attempts[place]) for place, those in told.items()}


def _due(form: str, told: Iterable[int], attempts: int) -> Due:
    """`told`: how many each subscription was told of. Change events are the same ones, however many tell of them."""
    least = max(told) if form == _SHARED else sum(told)
    return Due(least, least if form in _EXACT else attempts)


def tally(due: Mapping[Place, Due], found: Mapping[Place, int]) -> Tally:
    """The events of the log, against those that must be there."""
    missing = {place: count for place, one in due.items() if (count := one.least - found.get(place, 0)) > 0}
    surplus = {place: count for place, one in due.items() if (count := found.get(place, 0) - one.most) > 0}
    count = sum(one.least for one in due.values())
    differences = [
        Difference(WHAT, record, f"{form} events", due[record, form].least, found.get((record, form), 0))
        for record, form in (*missing, *surplus)
    ]
    return Tally(
        what=WHAT,
        expected=count,
        equal=count - sum(missing.values()),
        different=sum(surplus.values()),
        missing=sum(missing.values()),
        differences=tuple(differences[:SHOWN]),
    )
