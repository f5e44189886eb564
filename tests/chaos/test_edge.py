"""The shipped edge, a real nginx before two real doors: what it keeps from them, and what a dead door costs nobody."""

import asyncio
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest

from support import edge, samples
from support.edge import needs_nginx
from support.outages import COMPANYCAM, Servers, a_delivery, metric_of, push, raw
from support.programs import HOST, Running
from support.senders import companycam_headers
from support.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("servers"), needs_nginx]

MESSAGES: Final = "/webhooks/salesforce/outbound-messages"
NUMBERS: Final = count(1_000_000)
BURST: Final = 300
FEW_FILES: Final = 48
MIB: Final = 1024 * 1024


Doors = tuple[Running, Running]


@contextmanager
def two_doors(servers: Servers) -> Iterator[Doors]:
    with servers.door(TRUSTED_PROXIES=HOST) as one, servers.door(TRUSTED_PROXIES=HOST) as other:
        yield one, other


@asynccontextmanager
async def before(servers: Servers, doors: Doors) -> AsyncIterator[Running]:
    """nginx before doors that are ready."""
    for door in doors:
        await door.is_ready()
    with edge.edge(servers.folder, doors) as running:
        await edge.until_it_listens(running)
        yield running


@pytest.fixture(scope="module")
def doors(servers: Servers) -> Iterator[Doors]:
    """Doors that no test harms."""
    with two_doors(servers) as both:
        yield both


@pytest.fixture(scope="module")
async def nginx(servers: Servers, doors: Doors) -> AsyncIterator[Running]:
    """nginx before them."""
    async with before(servers, doors) as running:
        yield running


@pytest.fixture
def mortal(servers: Servers) -> Iterator[Doors]:
    """Doors of one test's own."""
    with two_doors(servers) as both:
        yield both


@pytest.fixture
async def own(servers: Servers, mortal: Doors) -> AsyncIterator[Running]:
    """nginx before those."""
    async with before(servers, mortal) as running:
        yield running


async def head_of(nginx: Running, data: bytes) -> bytes:
    """The first line that nginx answers to these bytes."""
    reader, writer = await raw(nginx.port, data)
    try:
        async with asyncio.timeout(12):
            return await reader.readline()
    finally:
        writer.close()


def test_nginx_finds_nothing_wrong_with_the_shipped_configuration(tmp_path: Path) -> None:
    tested = edge.tested(tmp_path, edge.configuration(18080, [f"{HOST}:1", f"{HOST}:2"]))

    assert (tested.returncode, "[warn]" in tested.stderr) == (0, False), tested.stderr


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("a0a::a0a", "a0a::"),
    ],
)
def test_whom_the_edge_counts_is_an_address_or_a_subscriber(address: str, counted: str) -> None:
    """By the shipped patterns, which nginx matches against an address's bytes; one of these has line ends in it."""
    block = edge.TEMPLATE.read_text().partition("map $binary_remote_addr $sender {")[2].partition("}\n    #")[0]
    mapped, halved = (one.encode().replace(b"(?<", b"(?P<") for one in re.findall(r'"~(.*)"', block))
    given = ip_address(address).packed

    half = None if re.search(mapped, given) else re.search(halved, given)

    assert (given if half is None else half["network"]) == ip_address(counted).packed[: 8 if half else None]


async def test_it_says_that_it_is_there(http: httpx.AsyncClient, nginx: Running) -> None:
    answer = await http.get(f"{nginx.url}/edge/healthz")

    assert (answer.status_code, answer.text) == (200, "alive\n")


async def test_each_door_is_reached_through_it(servers: Servers, http: httpx.AsyncClient, nginx: Running) -> None:
    token = servers.environment["PAINTBOX_SALESFORCE_ENDPOINT_TOKENS"]
    bearer = {"Authorization": f"Bearer {servers.environment['PAINTBOX_SALESFORCE_BEARER_TOKENS']}"}

    answers = [
        await push(http, nginx.url, servers.token, a_delivery(next(NUMBERS))),
        await http.post(f"{nginx.url}{MESSAGES}/{token}", content=samples.body("outbound_message_contacts.xml")),
        await http.post(
            f"{nginx.url}/webhooks/salesforce/events",
            content=samples.body("change_event_contact_update.json"),
            headers=bearer,
        ),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert b"<Ack>true</Ack>" in answers[1].content
    assert token not in nginx.log.read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/readyz",
        "/healthz",
        "/",
        "/webhooks",
        "/webhooks/companycam/",
        "/webhooks/companycam/../../metrics",
        "/webhooks/salesforce/outbound-messages/../../../metrics",
        "/webhooks/salesforce/outbound-messages/..%2f..%2f..%2fmetrics",
        "//metrics",
        "/METRICS",
        "/webhooks/companycam%2f..%2f..%2fmetrics",
    ],
)
async def test_nothing_but_the_doors_is_reached_through_it(nginx: Running, path: str) -> None:
    answer = await head_of(nginx, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))


NO_REQUEST: Final = {
    "f71 b19 both": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "f71 chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "f71 chunked in disguise": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "b20 two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "b20 negative length": "Content-Length: -5\r\n\r\nhello",
    "b20 space before colon": "Content-Length : 5\r\n\r\nhello",
    "b22 obs-fold": "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "nul in a header": "X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "host twice": "Host: y\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("rest", NO_REQUEST.values(), ids=NO_REQUEST.keys())
async def test_what_is_no_request_reaches_no_door(
    http: httpx.AsyncClient, nginx: Running, doors: Doors, rest: str
) -> None:
    already = await received(http, doors)

    answer = await head_of(nginx, f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\n{rest}".encode())

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert await received(http, doors) == already


async def received(http: httpx.AsyncClient, doors: Doors) -> list[str]:
    """What the doors count of requests."""
    texts = [(await http.get(door.url + "/metrics")).text for door in doors]
    return [line for text in texts for line in text.splitlines() if line.startswith("paintbox_webhook_requests_total")]


async def test_b20_without_a_host_and_with_tls_bytes(nginx: Running) -> None:
    answers = [
        await head_of(nginx, f"POST {COMPANYCAM} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode()),
        await head_of(nginx, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ]

    assert all(answer.startswith(b"HTTP/1.1 400 ") for answer in answers)


async def test_b14_too_large_a_body_is_refused_before_it_is_read(nginx: Running) -> None:
    answer = await head_of(
        nginx, f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB + 1}\r\n\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_b14_the_largest_body_passes(servers: Servers, http: httpx.AsyncClient, nginx: Running) -> None:
    body = a_delivery(next(NUMBERS))
    body += b" " * (MIB - len(body))

    answer = await push(http, nginx.url, servers.token, body)

    assert answer.status_code == 200


MOST_OF_AN_ADDRESS: Final = 64


async def test_b16_f62_a_body_that_does_not_come_reaches_no_door_and_is_given_up(nginx: Running) -> None:
    started = time.monotonic()
    reader, writer = await raw(
        nginx.port, f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello".encode()
    )

    with suppress(ConnectionResetError):
        answer = await reader.read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")

    writer.close()
    assert time.monotonic() - started < 10


async def test_f62_bodies_that_trickle_are_no_more_than_an_address_may_have_and_another_is_served(
    servers: Servers, doors: Doors
) -> None:
    head = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    fewer = {"limit_conn connections 1024": f"limit_conn connections {MOST_OF_AN_ADDRESS}"}
    with edge.edge(servers.folder, doors, changes=fewer) as nginx:
        await edge.until_it_listens(nginx)
        begun = [await raw(nginx.port, head.encode() + b"x") for _ in range(MOST_OF_AN_ADDRESS + 5)]

        async with asyncio.timeout(8):  # before the others' bodies are given up
            refused = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in begun[MOST_OF_AN_ADDRESS:]))
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=30) as another:
            answer = await push(another, nginx.url, servers.token, a_delivery(next(NUMBERS)))
        for _, writer in begun:
            writer.close()

    assert [one[:13] for one in refused] == [b"HTTP/1.1 503 "] * 5
    assert all(b"\r\nRetry-After: 5\r\n" in one for one in refused)
    assert answer.status_code == 200


async def test_f61_slow_headers_are_given_up(servers: Servers, http: httpx.AsyncClient, nginx: Running) -> None:
    connections = [await raw(nginx.port, b"POST / HTTP/1.1\r\nHost: x\r\n") for _ in range(400)]
    started = time.monotonic()

    answer = await push(http, nginx.url, servers.token, a_delivery(next(NUMBERS)))
    ends = await asyncio.gather(*(_drip(*connection) for connection in connections))

    assert answer.status_code == 200
    assert {end for end in ends if not end.startswith(b"HTTP/1.1 408 ")} <= {b""}
    assert time.monotonic() - started < 10


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A header a second, until nginx has had enough; its answer, which it need not give."""
    reading = asyncio.create_task(reader.read())
    while not (await asyncio.wait({reading}, timeout=1))[0]:
        writer.write(b"X-A: b\r\n")
    writer.close()
    return b"" if reading.exception() else reading.result()


async def until_they_take(servers: Servers, http: httpx.AsyncClient, doors: Doors) -> None:
    """Whatever an earlier test froze, these doors write again."""
    for door in doors:

        async def takes(url: str = door.url) -> bool:
            return (await push(http, url, servers.token, a_delivery(next(NUMBERS)))).status_code == 200

        await until(takes)


async def test_b26_more_than_an_address_may_send_is_answered_429(
    servers: Servers, http: httpx.AsyncClient, doors: Doors
) -> None:
    await until_they_take(servers, http, doors)
    less = {"rate=500r/s": "rate=1r/m", "burst=1000": "burst=10"}
    with edge.edge(servers.folder, doors, changes=less) as nginx:
        await edge.until_it_listens(nginx)
        answers = [await push(http, nginx.url, servers.token, a_delivery(next(NUMBERS))) for _ in range(20)]

    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) in {8, 9}
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {answer.json()["code"] for answer in refused} == {"rate_limited"}


async def test_the_address_of_the_sender_is_what_the_edge_saw_and_not_what_a_stranger_says(
    servers: Servers, http: httpx.AsyncClient, nginx: Running
) -> None:
    body = a_delivery(next(NUMBERS))
    headers = companycam_headers(body, servers.token) | {"X-Forwarded-For": "192.0.2.7"}

    answer = await http.post(nginx.url + COMPANYCAM, content=body, headers=headers)

    async def logged() -> str | None:
        rows = await servers.rows(
            "SELECT source_ip::text FROM integrations.webhook_events WHERE payload->>'created_at' = $1",
            str(json.loads(body)["created_at"]),
        )
        return rows[0]["source_ip"] if rows else None

    assert answer.status_code == 200
    assert await until(logged) == f"{HOST}/32"


async def test_b64_whoever_lacks_the_client_certificate_is_turned_away(
    servers: Servers, http: httpx.AsyncClient, doors: Doors, tmp_path: Path
) -> None:
    await until_they_take(servers, http, doors)
    _make_certificate(tmp_path)
    include = f"""
        ssl_certificate {tmp_path}/certificate.pem;
        ssl_certificate_key {tmp_path}/key.pem;
        ssl_client_certificate {tmp_path}/certificate.pem;
        ssl_verify_client on;
    """
    with edge.edge(servers.folder, doors, include, {"backlog=1024": "ssl backlog=1024"}) as nginx:
        await edge.until_it_listens(nginx)
        url = nginx.url.replace("http:", "https:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        known = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        known.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        async with (
            httpx.AsyncClient(verify=trusting, trust_env=False) as stranger,
            httpx.AsyncClient(verify=known, trust_env=False) as friend,
        ):
            answers = [await push(one, url, servers.token, a_delivery(next(NUMBERS))) for one in (stranger, friend)]

    assert [answer.status_code for answer in answers] == [400, 200]


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )


class Load:
    """Senders that go on until they are told to stop, and what they were answered."""

    def __init__(self, servers: Servers, http: httpx.AsyncClient, url: str) -> None:
        self.statuses: list[int] = []
        self._is_over = asyncio.Event()
        self._tasks = [asyncio.create_task(self._send_on(servers, http, url)) for _ in range(10)]

    async def _send_on(self, servers: Servers, http: httpx.AsyncClient, url: str) -> None:
        while not self._is_over.is_set():
            answer = await push(http, url, servers.token, a_delivery(next(NUMBERS)))
            self.statuses.append(answer.status_code)

    async def more(self, number: int) -> None:
        """Returns when so many more were answered."""
        until_then = len(self.statuses) + number

        async def are_answered() -> bool:
            return len(self.statuses) >= until_then or any(task.done() for task in self._tasks)

        await until(are_answered)

    async def end(self) -> list[int]:
        """Every answer."""
        self._is_over.set()
        await asyncio.gather(*self._tasks)
        return self.statuses


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
async def test_f02_a_door_that_dies_ends_or_freezes_costs_nobody_a_request(
    servers: Servers, http: httpx.AsyncClient, own: Running, mortal: Doors, how: signal.Signals
) -> None:
    load = Load(servers, http, own.url)
    await load.more(50)

    mortal[0].tell(how)
    await load.more(100)
    statuses = await load.end()

    assert set(statuses) == {200}


async def test_f02_a_burst_while_a_door_is_frozen_costs_nobody_a_request(
    servers: Servers, own: Running, mortal: Doors
) -> None:
    """More wait at it for its 4.3 s than any vendor has connections in quiet times."""
    mortal[0].tell(signal.SIGSTOP)
    async with httpx.AsyncClient(trust_env=False, timeout=30, limits=httpx.Limits(max_connections=None)) as many:
        answers = await asyncio.gather(
            *(push(many, own.url, servers.token, a_delivery(next(NUMBERS))) for _ in range(BURST))
        )

    assert {answer.status_code for answer in answers} == {200}


async def test_what_the_edge_itself_cannot_do_is_503_and_tells_no_token(servers: Servers, doors: Doors) -> None:
    """It has no file left for a connection to a door: nginx has a line for that which quotes the request."""
    token = servers.environment["PAINTBOX_SALESFORCE_ENDPOINT_TOKENS"]
    body = samples.body("outbound_message_contacts.xml")
    head = f"POST {MESSAGES}/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    few = {
        "worker_rlimit_nofile 20000": f"worker_rlimit_nofile {FEW_FILES}",
        "worker_processes 2": "worker_processes 1",
    }
    with edge.edge(servers.folder, doors, changes=few) as nginx:
        await edge.until_it_listens(nginx)
        waiting = [await raw(nginx.port, head) for _ in range(FEW_FILES // 2)]
        for _, writer in waiting:
            writer.write(body)
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in waiting))
        for _, writer in waiting:
            writer.close()
        said = nginx.log.read_text()

    refused = [one for one in answers if not one.startswith(b"HTTP/1.1 200 ")]
    assert refused
    assert all(one.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 5\r\n" in one for one in refused)
    assert token not in said


async def test_with_no_door_at_all_the_answer_is_503_with_a_time_to_come_again(
    servers: Servers, http: httpx.AsyncClient, own: Running, mortal: Doors
) -> None:
    for door in mortal:
        door.process.kill()
        door.process.wait()

    answers = [await push(http, own.url, servers.token, a_delivery(next(NUMBERS))) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}


async def test_i10_with_both_servers_frozen_two_doors_one_after_the_other_refuse_within_ten_seconds(
    servers: Servers, http: httpx.AsyncClient, own: Running
) -> None:
    assert (await push(http, own.url, servers.token, a_delivery(next(NUMBERS)))).status_code == 200

    try:
        with servers.frozen("kafka", "postgres"):
            answers = [await push(http, own.url, servers.token, a_delivery(next(NUMBERS))) for _ in range(2)]
    finally:
        await servers.bring_back()

    lines = [json.loads(line) for line in own.log.read_text().splitlines()[-2:]]
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 2
    # The first waits for Kafka and for the spool at either door, the second for the spool alone.
    assert [line["upstream_status"].count("503") for line in lines] == [2, 2]
    assert max(line["seconds"] for line in lines) < 9


async def test_a_door_that_refuses_hands_the_request_to_the_other(servers: Servers, http: httpx.AsyncClient) -> None:
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "INTEGRATIONS_DSN": "postgresql://x:x@127.0.0.1:1/x"}
    with servers.door() as good, servers.door(**nowhere) as bad:
        await good.is_ready()
        await bad.listens()
        with edge.edge(servers.folder, [bad, good]) as nginx:
            await edge.until_it_listens(nginx)
            answers = [await push(http, nginx.url, servers.token, a_delivery(next(NUMBERS))) for _ in range(10)]
        refused = await metric_of(
            http, bad.url, 'paintbox_webhook_rejected_total{door="companycam",reason="unavailable"}'
        )

    assert {answer.status_code for answer in answers} == {200}
    assert refused >= 1
