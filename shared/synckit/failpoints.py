"""Named steps at which a test kills, freezes, blocks or fails a process. Inert unless PAINTBOX_FAILPOINTS is set.

Each durable step has one before it and one after: the list in `docs/reference/failpoints.md` is made from the code, and
a test kills a process at each of its lines.
"""

import os
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from time import sleep
from typing import Final

from synckit.errors import TransientError

BEFORE: Final = "before_commit"
AFTER: Final = "after_commit"
_FORM: Final = re.compile(r"(?P<name>[a-z0-9_.:]+)=(?P<action>kill|freeze|fail|block:(?P<seconds>\d+))(@(?P<nth>\d+))?")

NAMES: Final = frozenset(
    {
        "consumer.alarm:after_commit",
        "consumer.alarm:before_commit",
        "consumer.apply:before",
        "consumer.counts:after_commit",
        "consumer.counts:before_commit",
        "consumer.lease:after_commit",
        "consumer.lease:before_commit",
        "consumer.markers:after_commit",
        "consumer.markers:before_commit",
        "consumer.offsets:after_commit",
        "consumer.offsets:before_commit",
        "consumer.other_log:after_commit",
        "consumer.other_log:before_commit",
        "customer_sync.counterparts:after_commit",
        "customer_sync.counterparts:before_commit",
        "customer_sync.merge:after_commit",
        "customer_sync.merge:before_commit",
        "customer_sync.project_facts:after_commit",
        "customer_sync.project_facts:before_commit",
        "integrations.conclude:after_commit",
        "integrations.conclude:before_commit",
        "integrations.receive:after_commit",
        "integrations.receive:before_commit",
        "parking.outdated:after_commit",
        "parking.outdated:before_commit",
        "parking.park:after_commit",
        "parking.park:before_commit",
        "photo_sync.customer_refs:after_commit",
        "photo_sync.customer_refs:before_commit",
        "photo_sync.merge:after_commit",
        "photo_sync.merge:before_commit",
        "projector.again:after_commit",
        "projector.again:before_commit",
        "projector.claim:after_commit",
        "projector.claim:before_commit",
        "projector.project:after_commit",
        "projector.project:before_commit",
        "projector.race:after_commit",
        "projector.race:before_commit",
        "projector.refuse:after_commit",
        "projector.refuse:before_commit",
        "quarantine.read:after_commit",
        "quarantine.read:before_commit",
        "redrive.mark:after_commit",
        "redrive.mark:before_commit",
        "relay.delete:after_commit",
        "relay.delete:before_commit",
        "relay.lead",
        "relay.refuse:after_commit",
        "relay.refuse:before_commit",
        "relay.send:after_commit",
        "relay.send:before_commit",
        "spool.send:after",
        "spool.send:after_commit",
        "spool.send:before",
        "spool.send:before_commit",
        "webhook_ingest.publish:after",
        "webhook_ingest.publish:before",
        "webhook_ingest.spool:after_commit",
        "webhook_ingest.spool:before_commit",
        "webhook_log.record:after_commit",
        "webhook_log.record:before_commit",
    }
)
"""Every step of the code, as tests/architecture holds it against the code: a misspelt one would do nothing."""


@dataclass(slots=True)
class _Armed:
    action: str
    seconds: int
    left: int
    """How often it is still passed before it acts, once."""


_armed: dict[str, _Armed] = {}


def parse(text: str) -> str:
    """The text of one failpoint, if it has the form `name=kill|freeze|fail|block:<seconds>`, then perhaps `@<n>`.

    It acts once, the n-th time that its step is reached. Raises ValueError.
    """
    if not _FORM.fullmatch(text):
        raise ValueError("is not of the form name=kill|freeze|fail|block:<seconds>[@<n>]")
    return text


def known(text: str) -> str:
    """The text of one failpoint, if it has the form and names a step that there is. Raises ValueError."""
    name = parse(text).partition("=")[0]
    if name not in NAMES:
        raise ValueError(f"names {name}, and there is no such step: docs/reference/failpoints.md lists them")
    return text


def arm(failpoints: Iterable[str]) -> None:
    """From now on these act, and no others."""
    _armed.clear()
    for text in failpoints:
        found = _FORM.fullmatch(parse(text))
        if found is not None:
            action, seconds, nth = found["action"].partition(":")[0], int(found["seconds"] or 0), int(found["nth"] or 1)
            _armed[found["name"]] = _Armed(action, seconds, nth)


def hit(name: str) -> None:
    """The step is reached. Names are literals, so that the list of all can be made from the code."""
    if _armed and (armed := _armed.get(name)) is not None:
        armed.left -= 1
        if armed.left == 0:
            _act(name, armed)


def _act(name: str, armed: _Armed) -> None:
    if armed.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif armed.action == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif armed.action == "block":
        sleep(armed.seconds)
    else:
        raise TransientError(f"the failpoint {name} was reached")
