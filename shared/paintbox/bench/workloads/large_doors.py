"""A, grown: bodies of 200 KB, and envelopes of 100 notifications."""

import time
from dataclasses import replace
from functools import partial
from typing import Final

from paintbox.bench import bodies, broker, outcomes
from paintbox.bench.load import generation
from paintbox.bench.outcomes import Outcome
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, Turn, interleaved
from paintbox.bench.sizes import FEWER_ROUNDS
from paintbox.bench.workloads import doors

BODY_BYTES: Final = 200_000
DISTINCT: Final = 64
LARGE: Final = f"the doors, bodies of {BODY_BYTES // 1000} KB"
LARGE_PLAIN: Final = f"a plain door, bodies of {BODY_BYTES // 1000} KB"
ENVELOPES: Final = f"the doors, envelopes of {bodies.ENVELOPE} notifications"
ENVELOPES_PLAIN: Final = f"a plain door, envelopes of {bodies.ENVELOPE} notifications"

NOTES: Final = (
    f"Bodies have {BODY_BYTES:,} bytes, envelopes some 110 KB.",
    "64 connections. A body of 200 KB is one CompanyCam webhook. The plain door sends an envelope as one record, the "
    "doors each of its notifications as one of its own.",
    "The plain door's server is uvicorn, without proxy headers and without a header that names it.",
    FEWER_ROUNDS,
)


async def measure(rig: Rig, seconds: float, rounds: int, say: Say) -> Outcome:
    """The doors and the plain door, with what is large."""
    say("signing the requests")
    now = int(time.time() * 1000)
    large = [_large(rig, index, now) for index in range(DISTINCT)]
    envelopes = _envelopes(rig, now)
    await broker.create_topic(rig.kafka, doors.PLAIN_TOPIC, 6)
    async with doors.opened(rig, large, seconds) as with_large:
        path = generation.write(envelopes, rig.scratch / "envelopes")
        with_envelopes = replace(with_large, requests=path, counts_records=True)
        turns: dict[str, Turn] = {
            LARGE: partial(with_large.full, "ours"),
            LARGE_PLAIN: partial(with_large.full, "plain"),
            ENVELOPES: partial(with_envelopes.full, "ours"),
            ENVELOPES_PLAIN: partial(with_envelopes.full, "plain"),
        }
        runs = await interleaved(turns, rounds, say)
    figures = outcomes.figures_of(runs)
    return Outcome(
        title="A, grown: bodies of 200 KB, and envelopes of 100 notifications",
        figures=figures,
        ratios=(outcomes.ratio(figures, LARGE, LARGE_PLAIN), outcomes.ratio(figures, ENVELOPES, ENVELOPES_PLAIN)),
        notes=NOTES,
    )


def _large(rig: Rig, index: int, now: int) -> bytes:
    body = bodies.large(bodies.a_run(20), index, now // 1000, BODY_BYTES)
    return bodies.companycam_request(rig.environment, body)


def _envelopes(rig: Rig, now: int) -> list[bytes]:
    made = list(bodies.contacts(bodies.a_run(21), DISTINCT * bodies.ENVELOPE))
    told = [(f"04l5e0002{index:06}AAA", bodies.stamped(contact, now)) for index, contact in enumerate(made)]
    return [
        bodies.salesforce_request(rig.environment, bodies.message(told[start : start + bodies.ENVELOPE]))
        for start in range(0, len(told), bodies.ENVELOPE)
    ]
