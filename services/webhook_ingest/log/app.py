"""Builds the webhook log: three topics into one database, and the spool into its topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from synckit import background, kafka, postgres, process, sessions, web
from synckit.background import Background
from synckit.consumer import Alarms, Consumer, Intake
from synckit.contracts import topics
from synckit.drain import Drain
from synckit.postgres import Pool
from synckit.subscriptions import Subscriptions
from webhook_ingest.log import handlers
from webhook_ingest.log.quarantine import Reader
from webhook_ingest.settings import LogSettings
from webhook_ingest.spool import Sender

NAME: Final = "webhook-log"
SESSIONS: Final = postgres.POOL_SIZE + 3
"""One more for each consumer, whose redrive keeps it for as long as it waits."""
SPOOL: Final = "spool"
SPOOL_SECONDS: Final = 10.0
GATHERED: Final = Intake(linger_ms=250, least_bytes=64 * 1024)
"""Nobody waits for a row of the log."""


@asynccontextmanager
async def lifetime(settings: LogSettings, drain: Drain) -> AsyncIterator[web.Routes]:
    """From start to shutdown. Draining finishes the batches in hand, and the slice of the spool."""
    dsn = settings.integrations_dsn.get_secret_value()
    async with postgres.create_pool(dsn, process=NAME, size=SESSIONS) as pool, background.background() as loops:
        alarms = Alarms(pool, NAME)
        reads = Subscriptions(NAME, settings.kafka_bootstrap_servers, _consumers(pool, alarms), alarms, pool)
        sender = Sender(pool, settings.kafka_bootstrap_servers, NAME)
        reader = Reader(pool, settings.salesforce_organization_ids)
        loops.start(
            {
                **reads.loops,
                "quarantine": reader.run,
                SPOOL: sender.run,
                "sessions": partial(sessions.watch, pool),
            },
        )
        checks = {
            "paintbox_integrations": postgres.check(pool),
            "kafka": kafka.check(settings, reads.topics),
            "loops": loops.check,
            **reads.checks,
        }
        async with drain.beside(partial(_finish, reads, sender, loops), loops.cancel):
            yield process.operations(checks)


async def _finish(reads: Subscriptions, sender: Sender, loops: Background) -> None:
    await asyncio.gather(reads.stop(), loops.end(SPOOL, sender.stop, SPOOL_SECONDS))


def _consumers(pool: Pool, alarms: Alarms) -> list[Consumer]:
    on_webhooks = partial(handlers.on_webhooks, pool=pool)
    return [
        Consumer(topics.WEBHOOKS_SALESFORCE, on_webhooks, alarms, GATHERED),
        Consumer(topics.WEBHOOKS_COMPANYCAM, on_webhooks, alarms, GATHERED),
        Consumer(topics.WEBHOOKS_QUARANTINED, partial(handlers.on_quarantined, pool=pool), alarms, Intake(at_most=50)),
    ]
