"""The ledger of `paintbox prove`, balanced over a stack whose processes the tests have killed.

What leaks (I6) is looked for when the stack is removed: see `support.canaries`.
"""

import re
import time
from dataclasses import replace
from typing import Final

import psutil

from paintbox.prove import evidence, judge, quiet
from paintbox.prove.checks import operated
from paintbox.prove.checks.operated import Sample
from paintbox.prove.dump import Published
from paintbox.prove.verdicts import Verdict
from support.crashes import Crashes
from support.waiting import until
from support.world import NOBODY, RECOVERY_SECONDS, World

ON_PURPOSE: Final = "nothing good is parked or quarantined"
"""What the tests put in is not good."""
REFUSED: Final = ("customers.outbox_refused", "projects.outbox_refused")
"""They put rows into outboxes that Kafka would not take."""
POISONED: Final = re.compile("[0-9a-f]{8}")
"""The keys of what `support.preparations` sends, which no record of ours has."""
SESSIONS: Final = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname IS NOT NULL"


async def judged(world: World) -> list[Verdict]:
    """What each check of log, topics, rows and answers comes to, once all is at rest."""
    environment = world.stack.environment
    rest = await quiet.until_rest(environment, RECOVERY_SECONDS, lambda _: None)
    read = await evidence.read(environment)
    found = replace(
        read,
        webhooks=[one for one in read.webhooks if not _is_poison(one)],
        changes=[one for one in read.changes if not _is_poison(one)],
        owned=replace(read.owned, waiting={what: n for what, n in read.owned.waiting.items() if what not in REFUSED}),
    )
    return [
        *(one for one in judge.verdicts(found) if one.claim != ON_PURPOSE),
        operated.everything_came_to_rest(rest.lacks, rest.seconds, RECOVERY_SECONDS),
        operated.answers_were_in_time(found.vendors.deliveries, [], []),
    ]


def _is_poison(record: Published) -> bool:
    return (record.unreadable != () and POISONED.fullmatch(record.key) is not None) or NOBODY in record.key


async def bounded(world: World, crashes: Crashes) -> Verdict:
    """Whether those that were started again are as small as they must be, and PostgreSQL has few sessions."""
    looked_at = {name: psutil.Process(process.pid) for name, process in crashes.started.items()}
    samples = [
        Sample(int(time.time() * 1000), name, process.memory_info().rss, process.num_fds())
        for name, process in looked_at.items()
    ]
    await until(lambda: _has_few_sessions(world), operated.LINGER_SECONDS)
    return operated.processes_were_bounded(looked_at, samples)


async def _has_few_sessions(world: World) -> bool:
    return await world.count("INTEGRATIONS", SESSIONS) <= operated.MOST_SESSIONS
