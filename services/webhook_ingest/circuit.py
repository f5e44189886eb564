"""Whether Kafka is worth waiting for: while it is away, a request must not find that out by waiting."""

import logging
from enum import Enum

from webhook_ingest import metrics

log = logging.getLogger(__name__)


class State(Enum):
    """What a request does about Kafka."""

    CLOSED = 0
    """It is sent to Kafka."""
    HALF_OPEN = 1
    """Kafka answers again: one request is sent to it, and all others go past it until that one is acknowledged."""
    OPEN = 2
    """It goes past Kafka."""


class Circuit:
    """The state, and whether the one request of HALF_OPEN is under way. Changes are logged, once each, and measured."""

    def __init__(self) -> None:
        self._is_tried = False
        self._enter(State.OPEN)

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def would_admit(self) -> bool:
        """Whether the next request is to be sent to Kafka."""
        return self._state is State.CLOSED or (self._state is State.HALF_OPEN and not self._is_tried)

    def admits(self) -> bool:
        """Whether this request is to be sent to Kafka. In HALF_OPEN one is, which must say how it ended."""
        is_admitted = self.would_admit
        self._is_tried |= is_admitted
        return is_admitted

    def open(self) -> None:
        """Kafka did not acknowledge in time, or cannot be reached."""
        if self._state is not State.OPEN:
            log.warning("Kafka is away: the doors write to the spool")
            self._enter(State.OPEN)

    def half_open(self) -> None:
        """Kafka answers; whether it also keeps what it is sent, the next request finds out."""
        self._is_tried = False
        self._enter(State.HALF_OPEN)

    def give_back(self) -> None:
        """The request that was admitted ended without saying anything about Kafka."""
        self._is_tried = False

    def close(self) -> None:
        """Kafka acknowledges."""
        if self._state is not State.CLOSED:
            log.info("Kafka acknowledges: the doors send to it")
            self._enter(State.CLOSED)

    def _enter(self, state: State) -> None:
        self._state = state
        metrics.CIRCUIT.set(state.value)
