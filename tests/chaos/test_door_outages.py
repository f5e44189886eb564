"""The door while what it writes to is frozen, killed, slow or overrun: what it answered 2xx is there in the end."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Final
from uuid import UUID, uuid4

import httpx
import psutil
import pytest

from support import samples
from support.outages import COMPANYCAM, Servers, a_delivery, answered_late, metric_of, post, push, raw, status_of
from support.programs import HOST, Running
from support.senders import companycam_headers
from support.topics import lag
from support.waiting import until, until_true
from synckit import identity
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("servers")]

WAIT: Final = 0.5
"""Of the doors of this file for Kafka, in seconds."""
OPEN: Final = 2.0
CLOSED: Final = 0.0
SALESFORCE_EVENTS: Final = "/webhooks/salesforce/events"
NUMBERS: Final = count(1)
MIB: Final = 1024 * 1024
KAFKA: Final = "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"
RESET: Final = b"reset"


@pytest.fixture
def door(servers: Servers) -> Iterator[Running]:
    with servers.door(SPOOL_AFTER_SECONDS=str(WAIT)) as process:
        yield process


def event_ids(bodies: list[bytes]) -> list[UUID]:
    return [identity.event_id("companycam", "145041", sha256(body).hexdigest()) for body in bodies]


async def until_logged(servers: Servers, bodies: list[bytes], seconds: float = 60) -> None:
    """Returns when each of these stands in the webhook log exactly once, and the spool is empty."""
    ids = event_ids(bodies)

    async def all_are() -> bool:
        rows = await servers.rows("SELECT id FROM integrations.webhook_events WHERE id = ANY($1::uuid[])", ids)
        left = await servers.rows("SELECT FROM integrations.webhook_spool LIMIT 1")
        assert len(rows) == len({row["id"] for row in rows})
        return len(rows) == len(ids) and not left

    await until(all_are, seconds)


async def spooled(servers: Servers, bodies: list[bytes]) -> int:
    ids = event_ids(bodies)
    return len(await servers.rows("SELECT FROM integrations.webhook_spool WHERE event_id = ANY($1::uuid[])", ids))


async def until_it_sends_to_kafka(servers: Servers, http: httpx.AsyncClient, door: Running) -> list[bytes]:
    """What had to be pushed for the door to find out that Kafka is back."""
    pushed: list[bytes] = []

    async def does() -> bool:
        pushed.append(a_delivery(next(NUMBERS)))
        await push(http, door.url, servers.token, pushed[-1])
        return await metric_of(http, door.url, "paintbox_webhook_circuit") == CLOSED

    await until(does, 60)
    return pushed


async def test_f68_while_kafka_is_frozen_the_spool_takes_all_and_only_the_first_wait(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    bodies = [a_delivery(next(NUMBERS)) for _ in range(40)]
    with servers.frozen("kafka"):
        first = await asyncio.gather(*(push(http, door.url, servers.token, body) for body in bodies[:20]))
        started = time.monotonic()
        rest = [await push(http, door.url, servers.token, body) for body in bodies[20:]]
        took = time.monotonic() - started
        kept = await spooled(servers, bodies)
        circuit = await metric_of(http, door.url, "paintbox_webhook_circuit")
        ready = await http.get(door.url + "/readyz")

    more = await until_it_sends_to_kafka(servers, http, door)
    await until_logged(servers, bodies + more)
    assert {answer.status_code for answer in (*first, *rest)} == {200}
    assert await answered_late(http, door.url) == 0
    assert took < 20 * WAIT / 2
    assert (kept, circuit, ready.status_code) == (40, OPEN, 200)
    assert door.log.read_text().count("Kafka is away: the doors write to the spool") == 1


async def test_f31_a_killed_broker_loses_and_doubles_nothing(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    waiting = [a_delivery(next(NUMBERS)) for _ in range(200)]
    bodies, answers = list(waiting), list[httpx.Response]()

    async def send() -> None:
        while waiting:
            answers.append(await post(door.url, servers.token, waiting.pop()))

    sending = asyncio.gather(*(send() for _ in range(8)))
    await until_true(lambda: len(answers) >= 10)
    servers.process("kafka").kill()

    await sending
    await servers.bring_back()

    more = await until_it_sends_to_kafka(servers, http, door)
    await until_logged(servers, bodies + more)
    assert len(answers) == len(bodies)
    assert {answer.status_code for answer in answers} == {200}


async def test_i10_with_both_frozen_the_answer_is_503_in_less_than_five_seconds(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    with servers.door() as door:
        await door.is_ready()
        first = a_delivery(next(NUMBERS))
        assert (await push(http, door.url, servers.token, first)).status_code == 200
        body = a_delivery(next(NUMBERS))
        with servers.frozen("kafka", "postgres"):
            answers = await asyncio.gather(*(push(http, door.url, servers.token, body) for _ in range(30)))
            ready = await http.get(door.url + "/readyz")

        late = await answered_late(http, door.url)
        await until(lambda: _is_taken(servers, http, door, body), 60)
        await until_logged(servers, [first, body])

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    assert late == 0
    assert ready.status_code == 503
    assert ready.json()["missing"]["storage"] == "Kafka is away, and the spool cannot be written"


async def _is_taken(servers: Servers, http: httpx.AsyncClient, door: Running, body: bytes) -> bool:
    return (await push(http, door.url, servers.token, body)).status_code == 200


async def test_without_its_database_a_door_sends_to_kafka_and_is_ready(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    body = a_delivery(next(NUMBERS))
    with servers.frozen("postgres"):
        answer = await push(http, door.url, servers.token, body)
        ready = await http.get(door.url + "/readyz")

    await until_logged(servers, [body])
    assert (answer.status_code, ready.status_code) == (200, 200)


async def test_f64_a_spool_that_is_slow_refuses_in_time_what_it_cannot_keep(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    bodies = [a_delivery(next(NUMBERS)) for _ in range(200)]
    async with servers.session() as blocker:
        with servers.frozen("kafka"):
            async with blocker.transaction():
                await blocker.execute("LOCK TABLE integrations.webhook_spool IN SHARE MODE")
                refused = await asyncio.gather(*(push(http, door.url, servers.token, body) for body in bodies))
            taken = await asyncio.gather(*(push(http, door.url, servers.token, body) for body in bodies))

    more = await until_it_sends_to_kafka(servers, http, door)
    await until_logged(servers, bodies + more)
    assert {answer.status_code for answer in refused} == {503}
    assert all("retry-after" in answer.headers for answer in refused)
    assert await answered_late(http, door.url) == 0
    assert {answer.status_code for answer in taken} == {200}


async def test_i8_memory_stays_flat_while_ten_times_too_much_is_sent_and_nothing_can_be_kept(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    with servers.door() as door:
        await door.is_ready()
        await push(http, door.url, servers.token, a_delivery(next(NUMBERS)))
        process = psutil.Process(door.process.pid)
        before = process.memory_info().rss
        body = a_delivery(next(NUMBERS), padding="x" * (512 * 1024))
        with servers.frozen("kafka", "postgres"):
            statuses, highest = await _overrun(door, _signed(body, servers.token), process)

        await until(lambda: _is_taken(servers, http, door, body), 60)
        await until(lambda: _has_nothing_in_hand(http, door))
        await until_logged(servers, [body])

    assert statuses == {503}
    assert highest - before < 250 * MIB


async def test_i8_memory_stays_flat_while_merged_events_that_become_hundreds_of_records_cannot_be_kept(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    event = json.loads(samples.body("change_event_contact_update.json"))
    event["ChangeEventHeader"]["recordIds"] = [f"003{number:012}" for number in range(200)]
    body = json.dumps(event).encode()
    bearer = servers.environment["PAINTBOX_SALESFORCE_BEARER_TOKENS"]
    head = f"POST {SALESFORCE_EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
    with servers.door() as door:
        await door.is_ready()
        process = psutil.Process(door.process.pid)
        before = process.memory_info().rss
        with servers.frozen("kafka", "postgres"):
            statuses, highest = await _overrun(
                door, head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body, process
            )
        await servers.bring_back()

        await until(lambda: _has_nothing_in_hand(http, door))

    assert statuses == {503}
    assert highest - before < 250 * MIB


async def _has_nothing_in_hand(http: httpx.AsyncClient, door: Running) -> bool:
    return await metric_of(http, door.url, "paintbox_webhook_bytes_in_flight") == 0


def _signed(body: bytes, token: str) -> bytes:
    """A whole request of CompanyCam's."""
    signed = "".join(f"{name}: {value}\r\n" for name, value in companycam_headers(body, token).items())
    head = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\n{signed}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _overrun(door: Running, request: bytes, process: psutil.Process) -> tuple[set[int], int]:
    """Six hundred senders of this, three times; how they were answered, and the most memory seen."""
    highest = 0

    async def watch() -> None:
        nonlocal highest
        while True:
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    statuses: set[int] = set()
    for _ in range(3):
        statuses.update(await asyncio.gather(*(status_of(door.port, request) for _ in range(600))))
    watching.cancel()
    return statuses, highest


async def test_f70_clients_that_leave_in_the_middle_of_a_body_leave_nothing_behind(
    http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    head = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nX-CompanyCam-Signature: x\r\n"
    request = f"{head}Content-Length: 100\r\n\r\nhello".encode()
    connections = [await raw(door.port, request) for _ in range(50)]
    await until(lambda: _in_flight(http, door, 50))

    for _, writer in connections:
        writer.transport.abort()

    await until(lambda: _in_flight(http, door, 0))
    log = door.log.read_text()
    assert "exception" not in log
    assert "Traceback" not in log


async def _in_flight(http: httpx.AsyncClient, door: Running, number: int) -> bool:
    return await metric_of(http, door.url, "paintbox_webhook_requests_in_flight") == number


async def test_f61_connections_that_send_their_headers_slowly_are_given_up(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    connections = [await raw(door.port, b"POST / HTTP/1.1\r\nHost: x\r\n") for _ in range(400)]
    started = time.monotonic()

    answer = await push(http, door.url, servers.token, a_delivery(next(NUMBERS)))
    ends = await asyncio.gather(*(_drip(*connection) for connection in connections))

    assert answer.status_code == 200
    assert {end[:13] for end in ends} <= {b"HTTP/1.1 408 ", RESET}
    assert set(ends) != {RESET}
    assert time.monotonic() - started < 30


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A header a second, until the door has had enough; its answer, which is lost where a header crosses it."""
    reading = asyncio.create_task(reader.read())
    while not (await asyncio.wait({reading}, timeout=1))[0]:
        writer.write(b"X-A: b\r\n")
    writer.close()
    return RESET if isinstance(reading.exception(), ConnectionResetError) else reading.result()


async def test_f02_a_door_that_is_told_to_end_under_load_answers_all_that_it_accepted(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    bodies: list[bytes] = []
    statuses: list[int] = []

    async def send_on(door: Running) -> None:
        """Until the door has said three times that it goes."""
        goes = 0
        while goes < 3:
            bodies.append(a_delivery(next(NUMBERS)))
            answer = await push(http, door.url, servers.token, bodies[-1])
            statuses.append(answer.status_code)
            goes += answer.headers.get("connection") == "close"

    with servers.door(DRAIN_SECONDS="4") as door:
        await door.is_ready()
        sending = asyncio.gather(*(send_on(door) for _ in range(20)))
        await until_true(lambda: len(statuses) >= 100)
        door.tell(signal.SIGTERM)

        await sending
        code = await door.ended()

    await until_logged(servers, bodies)
    assert (code, set(statuses)) == (0, {200})


async def test_with_both_frozen_a_door_ends_all_the_same_within_its_grace_time(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    with servers.door() as door:
        await door.is_ready()
        with servers.frozen("kafka", "postgres"):
            pushing = [asyncio.create_task(push(http, door.url, servers.token, a_delivery(0))) for _ in range(20)]
            await until(lambda: _in_flight(http, door, 20))
            started = time.monotonic()
            door.tell(signal.SIGTERM)
            answers = await asyncio.gather(*pushing)
            code = await door.ended()
            took = time.monotonic() - started

    assert {answer.status_code for answer in answers} == {503}
    assert code == 0
    assert took < 20


async def test_too_many_connections_are_refused_and_the_others_served(servers: Servers) -> None:
    with servers.door() as door:
        await door.is_ready()
        psutil.Process(door.process.pid).rlimit(psutil.RLIMIT_NOFILE, (256, 256))
        held = [await asyncio.open_connection(HOST, door.port) for _ in range(156)]
        reader, writer = await asyncio.open_connection(HOST, door.port)
        answer = await reader.read()
        held[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        status = await held[0][0].readline()
        for _, one in (*held, (reader, writer)):
            one.close()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer
    assert status.startswith(b"HTTP/1.1 200 ")


async def test_f38_a_flood_of_doubles_is_as_many_events_as_there_are(servers: Servers, door: Running) -> None:
    await door.is_ready()
    bodies = [a_delivery(next(NUMBERS)) for _ in range(50)]

    async def send(chance: random.Random) -> list[int]:
        doubled = bodies * 2
        chance.shuffle(doubled)
        return [(await post(door.url, servers.token, body)).status_code for body in doubled]

    answers = await asyncio.gather(*(send(random.Random(number)) for number in range(20)))

    await until_logged(servers, bodies)
    await until(lambda: _all_is_read(servers), 60)
    await until_logged(servers, bodies)
    assert {status for statuses in answers for status in statuses} == {200}
    assert sum(map(len, answers)) == 40 * len(bodies)


async def _all_is_read(servers: Servers) -> bool:
    return await lag(servers.environment[KAFKA], "webhook-log", WEBHOOKS_COMPANYCAM.name) == 0


async def test_f74_what_strangers_ask_for_makes_no_series_of_its_own(http: httpx.AsyncClient, door: Running) -> None:
    await door.is_ready()
    await _ask_for_nonsense(door, 1)
    await http.put(door.url + COMPANYCAM)  # of the others' methods some are words, and some no method at all
    before = await _series(http, door)

    await asyncio.gather(*(_ask_for_nonsense(door, 100) for _ in range(10)))

    assert await _series(http, door) == before


async def _ask_for_nonsense(door: Running, times: int) -> None:
    """A path, a method, a token and a signature that nobody ever asked with."""
    for _ in range(times):
        nonsense = uuid4().hex
        for method, path in (
            ("GET", f"/{nonsense}"),
            (nonsense[:8].upper(), COMPANYCAM),
            ("POST", f"/webhooks/salesforce/outbound-messages/{nonsense}"),
            ("POST", f"{COMPANYCAM}?{nonsense}={nonsense}"),
        ):
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-CompanyCam-Signature: {nonsense}\r\n"
            request = f"{head}Content-Length: {len(nonsense)}\r\n\r\n{nonsense}"
            assert await status_of(door.port, request.encode()) >= 400


async def _series(http: httpx.AsyncClient, door: Running) -> set[str]:
    text = (await http.get(door.url + "/metrics")).text
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


async def test_f16_a_synchronous_standby_that_is_gone_makes_the_door_refuse_in_time(
    servers: Servers, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    bodies = [a_delivery(next(NUMBERS)) for _ in range(20)]
    async with servers.superuser() as admin:
        with servers.frozen("kafka"):
            await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
            await admin.execute("SELECT pg_reload_conf()")
            refused = await asyncio.gather(*(push(http, door.url, servers.token, body) for body in bodies))
            unready = [(await http.get(door.url + "/readyz")).status_code for _ in range(3)]
            await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await admin.execute("SELECT pg_reload_conf()")
            await door.is_ready()
            await until(lambda: _is_taken(servers, http, door, bodies[0]), 60)

    more = await until_it_sends_to_kafka(servers, http, door)
    taken = [await push(http, door.url, servers.token, body) for body in bodies]
    await until_logged(servers, bodies + more)
    assert {answer.status_code for answer in refused} == {503}
    assert unready == [503] * 3
    assert all("retry-after" in answer.headers for answer in refused)
    assert await answered_late(http, door.url) == 0
    assert {answer.status_code for answer in taken} == {200}
