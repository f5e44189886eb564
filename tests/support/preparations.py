"""What must happen besides both vendors' traffic for a process to reach a step, and what must have become of it."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from paintbox.brokers import administration
from support.world import NOBODY, World
from synckit.contracts.headers import to_kafka
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, WEBHOOKS_COMPANYCAM, WEBHOOKS_QUARANTINED
from synckit.times import moment
from webhook_ingest import records
from webhook_ingest.models import Quarantine, Understanding
from webhook_ingest.records import Origin

Kept = Callable[[], Awaitable[bool]]
"""Whether what was put in is where it belongs, as often as it must be; asked until it is."""
Preparation = Callable[[World, str], Awaitable[Kept]]
"""Puts something in that leads to a step of this process, which does not run."""

ANOTHER: Final = "00000000-0000-4000-8000-000000000000/0"
"""With the id of no topic that there is."""
POISON: Final = b"no JSON"
MANY: Final = 150
"""More than an alarm is raised for."""
CONSUMERS: Final[dict[str, Collection[str]]] = {
    CUSTOMERS_CHANGES.name: ("photo-sync",),
    FEDERATION_KEYS.name: ("customer-sync",),
    WEBHOOKS_COMPANYCAM.name: ("photo-sync", "webhook-log"),
}
OF_OTHERS: Final = {
    "customer-sync": FEDERATION_KEYS.name,
    "photo-sync": CUSTOMERS_CHANGES.name,
    "webhook-log": WEBHOOKS_COMPANYCAM.name,
}
"""A topic whose consumer only parks what it cannot read."""
OWNED: Final = {
    "customer-sync": ("CUSTOMERS", "customers", "customers", "Contact"),
    "photo-sync": ("PROJECTS", "projects", "projects", "project"),
}
"""The database of an owner, its schema, the table that it projects into, and the object that becomes its rows."""


async def nothing(_: World, __: str) -> Kept:
    """The traffic alone leads to the step."""

    async def holds() -> bool:
        return True

    return holds


async def _committed_for_another_topic(world: World, process: str) -> Kept:
    """As a copy commits that was frozen, or waited, while the topic was made anew, and has died since."""
    servers, at = world.stack["KAFKA_BOOTSTRAP_SERVERS"], TopicPartition(OF_OTHERS[process], 0)
    late = AIOKafkaConsumer(bootstrap_servers=servers, group_id=process)
    late.assign([at])
    async with late:
        await late.commit({at: ((await late.end_offsets([at]))[at], ANOTHER)})

    async def holds() -> bool:
        async with administration(servers) as admin:
            return bool((await admin.list_consumer_group_offsets(process))[at].metadata != ANOTHER)

    return holds


async def _parks(world: World, process: str) -> Kept:
    """Records that can never work: of a topic whose consumer only parks, and of a webhook topic."""
    first = await _poison(world, OF_OTHERS[process])
    second = await _poison(world, WEBHOOKS_COMPANYCAM.name)

    async def holds() -> bool:
        return await first() and await second()

    return holds


async def _marks(world: World, process: str) -> Kept:
    return await _poison(world, OF_OTHERS[process])


async def _parks_too_much(world: World, process: str) -> Kept:
    return await _poison(world, OF_OTHERS[process], MANY)


async def _poison(world: World, topic: str, many: int = 1) -> Kept:
    """Kept where each consumer of the topic has parked each record once, at its first attempt."""
    key = _key()
    await world.send(topic, key, *[POISON] * many)

    async def holds() -> bool:
        rows = await world.run(
            "INTEGRATIONS",
            """
            SELECT consumer, count(*) AS parked
              FROM integrations.parked_records
             WHERE key = $1 AND topic = $2 AND attempt = 1
             GROUP BY consumer
            """,
            key.encode(),
            topic,
        )
        return dict(map(tuple, rows)) == dict.fromkeys(CONSUMERS[topic], many)

    return holds


async def _erases(world: World, process: str) -> Kept:
    """An erasure of what is parked: its bytes are gone, and nobody may redrive it."""
    topic = OF_OTHERS[process]
    key = _nobody(topic)
    await world.send(topic, key, POISON)
    await world.send(topic, key, None)

    async def holds() -> bool:
        rows = await world.run(
            "INTEGRATIONS",
            """
            SELECT value IS NULL AND dropped_at IS NOT NULL AS is_erased
              FROM integrations.parked_records
             WHERE key = $1
            """,
            key.encode(),
        )
        return [row["is_erased"] for row in rows] == [True]

    return holds


async def _too_large(world: World, process: str) -> Kept:
    """A row that Kafka would not take, as no service of ours writes it: it is set aside, once."""
    database, schema, _, _ = OWNED[process]
    key = _key()
    await world.run(
        database,
        f"""
        INSERT INTO {schema}.outbox_events (topic, key, headers, value)
        VALUES ('{CUSTOMERS_CHANGES.name}', $1, '{{}}', convert_to(repeat('x', 7 * 1024 * 1024 + 1), 'UTF8'))
        """,
        key,
    )

    async def holds() -> bool:
        places = (f"{schema}.outbox_events", f"{schema}.outbox_refused")
        return [await world.count(database, f"SELECT count(*) FROM {one} WHERE key = $1", key) for one in places] == [
            0,
            1,
        ]

    return holds


async def _stumbles(world: World, process: str, *, failure: str, times: int) -> Kept:
    """The database refuses the process's rows a few times, whoever writes them. A sequence is not rolled back.

    Kept where the rows of the traffic are there all the same, which is looked for anyway.
    """
    database, schema, table, _ = OWNED[process]
    await world.script(
        database,
        f"""
        CREATE SEQUENCE IF NOT EXISTS public.stumbles;
        ALTER SEQUENCE public.stumbles RESTART;
        CREATE FUNCTION public.stumble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('public.stumbles') <= {times} THEN
                RAISE EXCEPTION USING ERRCODE = '{failure}', CONSTRAINT = 'stumble', MESSAGE = 'stumbles';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER stumble
            BEFORE INSERT OR UPDATE ON {schema}.{table} FOR EACH ROW EXECUTE FUNCTION public.stumble();
        """,
    )
    return await nothing(world, process)


async def _has_refused(world: World, process: str) -> Kept:
    """A key that was refused, and that needs no row: nobody ever said anything of it. It is forgotten then."""
    database, schema, _, name = OWNED[process]
    key = _key()
    await world.run(
        database,
        f"""
        INSERT INTO {schema}.projection_refused (object, id, cause, reason)
        VALUES ('{name}', $1,
                jsonb_build_object('event_id', gen_random_uuid(), 'correlation_id', gen_random_uuid(),
                                   'traceparent', '', 'received_at', '2026-01-02T10:00:00.000Z'),
                'put there by a test')
        """,
        key,
    )

    async def holds() -> bool:
        return await world.count(database, f"SELECT count(*) FROM {schema}.projection_refused WHERE id = $1", key) == 0

    return holds


async def _asks_for_a_redrive(world: World, process: str) -> Kept:
    """An erasure of nobody, which is applied. Of the log, a record that fails again: nobody asks for it any longer."""
    topic = OF_OTHERS[process]
    key, value = (_key(), POISON) if process == "webhook-log" else (_nobody(topic), None)
    await world.run(
        "INTEGRATIONS",
        """
        INSERT INTO integrations.parked_records
               (consumer, topic, partition, "offset", key, headers, value, reason_code, reason, value_sha256,
                redrive_asked_at)
        SELECT $1, $2, 0, count(*), convert_to($3, 'UTF8'), '{}', $4, 'test', 'asked for by a test', 'of a test', now()
          FROM integrations.parked_records
        """,
        process,
        topic,
        key,
        value,
    )

    async def holds() -> bool:
        rows = await world.run(
            "INTEGRATIONS",
            """
            SELECT value_sha256 = 'of a test' AS is_the_one, redriven_at IS NOT NULL AS is_redriven
              FROM integrations.parked_records
             WHERE key = $1 AND dropped_at IS NULL AND (redrive_asked_at IS NULL OR redriven_at IS NOT NULL)
             ORDER BY id
            """,
            key.encode(),
        )
        found = [tuple(row) for row in rows]
        return found == [(True, value is None)]

    return holds


async def _spools(world: World, _: str) -> Kept:
    """A record that the door kept while Kafka was away: it leaves the spool, and whoever reads its topic gets it."""
    key = _key()
    await world.run(
        "INTEGRATIONS",
        """
        INSERT INTO integrations.webhook_spool (topic, key, headers, value, event_id)
        VALUES ($1, $2, '{}', $3, gen_random_uuid())
        """,
        WEBHOOKS_COMPANYCAM.name,
        key,
        POISON,
    )

    async def holds() -> bool:
        left = await world.count("INTEGRATIONS", "SELECT count(*) FROM integrations.webhook_spool WHERE key = $1", key)
        parked = await world.run(
            "INTEGRATIONS",
            "SELECT DISTINCT consumer FROM integrations.parked_records WHERE key = $1 ORDER BY consumer",
            key.encode(),
        )
        return left == 0 and [row["consumer"] for row in parked] == ["photo-sync", "webhook-log"]

    return holds


async def _quarantines(world: World, _: str) -> Kept:
    """A body that is still not understood when it is read again: one attempt more, and nobody asks any longer."""
    door, body, now = records.COMPANYCAM, f"no JSON {_key()}".encode(), 1_767_342_000_123
    event_id = records.quarantine_id(door, body)
    origin = Origin(now, event_id, records.traceparent(""), "{}")
    (one,) = records.of(door, origin, Understanding(quarantined=(Quarantine("not_json", body),)))
    await world.send(WEBHOOKS_QUARANTINED.name, one.key, one.value, headers=to_kafka(one.headers.encoded()))
    await world.run(
        "INTEGRATIONS",
        """
        INSERT INTO integrations.quarantine_decisions (event_id, received_at, redrive_asked_at)
        VALUES ($1, $2, now())
        """,
        event_id,
        moment(now),
    )

    async def holds() -> bool:
        rows = await world.run(
            "INTEGRATIONS",
            """
            SELECT status::text AS status, retry_count,
                   EXISTS (SELECT FROM integrations.quarantine_decisions WHERE event_id = $1) AS is_asked_for
              FROM integrations.webhook_events
             WHERE id = $1
            """,
            event_id,
        )
        return [tuple(row) for row in rows] == [("FAILED", 1, False)]

    return holds


def _key() -> str:
    return uuid4().hex[:8]


def _nobody(topic: str) -> str:
    """A key of the topic that stands for nothing of the vendors'."""
    one = f"{NOBODY}{_key()}"
    return f"projects/projects/{one}/customers/customers/{one}" if topic == FEDERATION_KEYS.name else one


PREPARATIONS: Final[dict[str, Preparation]] = {
    "consumer.alarm": _parks_too_much,
    "consumer.markers": _marks,
    "consumer.other_log": _committed_for_another_topic,
    "parking.outdated": _erases,
    "parking.park": _parks,
    "quarantine.read": _quarantines,
    "redrive.mark": _asks_for_a_redrive,
    "spool.send": _spools,
    "relay.refuse": _too_large,
    "projector.again": _has_refused,
    "projector.refuse": partial(_stumbles, failure="check_violation", times=2),
    "projector.race": partial(_stumbles, failure="unique_violation", times=1),
}
"""By the step's name, without before and after."""
