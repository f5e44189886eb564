"""The three doors over HTTP: who gets in, what is answered, and what is kept. The ids are those of the catalogue."""

import asyncio
import base64
import json
import time
from hashlib import sha256
from typing import Any, Final
from xml.sax.saxutils import escape

import asyncpg
import httpx
import pytest

from support import samples
from support.local_stack import LocalStack
from support.samples import DOUGLAS
from support.senders import companycam_headers, salesforce_headers
from support.waiting import until
from synckit import identity
from synckit.identity import salesforce_id18

COMPANYCAM: Final = "/webhooks/companycam"
EVENTS: Final = "/webhooks/salesforce/events"
MESSAGES: Final = "/webhooks/salesforce/outbound-messages"
BODY: Final = samples.body("companycam_photo_created.json")
EVENT: Final = samples.body("change_event_contact_update.json")
MESSAGE: Final = samples.body("outbound_message_contacts.xml")
LIMIT: Final = 1024 * 1024


def first(stack: LocalStack, name: str) -> str:
    return stack[name].split(",")[0]


async def post_companycam(stack: LocalStack, http: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    signed = companycam_headers(body, first(stack, "COMPANYCAM_WEBHOOK_TOKENS"))
    return await http.post(stack["INGEST_URL"] + COMPANYCAM, content=body, headers=signed | headers)


async def post_event(stack: LocalStack, http: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    signed = salesforce_headers(body, first(stack, "SALESFORCE_WEBHOOK_SECRETS"))
    return await http.post(stack["INGEST_URL"] + EVENTS, content=body, headers=signed | headers)


async def post_message(stack: LocalStack, http: httpx.AsyncClient, body: bytes, token: str = "") -> httpx.Response:
    path = f"{MESSAGES}/{token or first(stack, 'SALESFORCE_ENDPOINT_TOKENS')}"
    return await http.post(stack["INGEST_URL"] + path, content=body, headers={"Content-Type": "text/xml"})


async def logged(stack: LocalStack, event_id: object) -> dict[str, Any]:
    """The row of an event in the webhook log, as soon as it is there."""
    connection = await asyncpg.connect(stack["INTEGRATIONS_DSN"])
    try:
        found = await until(
            lambda: connection.fetchrow("SELECT * FROM integrations.webhook_events WHERE id = $1", event_id)
        )
        return dict(found)
    finally:
        await connection.close()


async def rows_of(stack: LocalStack, database: str, query: str, many: int, *arguments: object) -> list[Any]:
    """What a query finds, as soon as it is so many rows."""
    connection = await asyncpg.connect(stack[f"{database}_DSN"])

    async def found() -> list[Any] | None:
        rows: list[Any] = await connection.fetch(query, *arguments)
        return rows if len(rows) >= many else None

    try:
        return await until(found)
    finally:
        await connection.close()


def values(document: Any) -> list[Any]:
    """Every value of a JSON document that is none of its lists and objects."""
    if isinstance(document, dict | list):
        inner = document.values() if isinstance(document, dict) else document
        return [value for one in inner for value in values(one)]
    return [document]


async def quarantined(stack: LocalStack, door: str, body: bytes) -> dict[str, Any]:
    """The row of a body that was not understood."""
    return await logged(stack, identity.event_id("quarantined", door, sha256(body).hexdigest()))


# Who gets in


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        base64.b64encode(b"\x00" * 20).decode(),
        "not base64!",
        "sha1=" + base64.b64encode(b"\x00" * 20).decode(),
        "a,b  c",
        "\xe9\xff",
        "x" * 5_000,
    ],
    ids=["b01 none", "empty", "b02 wrong", "b04 no base64", "b07 prefix", "b04 commas", "latin-1", "long"],
)
async def test_a_wrong_signature_of_companycam(
    stack: LocalStack, http: httpx.AsyncClient, signature: str | None
) -> None:
    headers = [] if signature is None else [(b"X-CompanyCam-Signature", signature.encode("latin-1"))]

    answer = await http.post(stack["INGEST_URL"] + COMPANYCAM, content=BODY, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"


async def test_every_refusal_reads_the_same_at_every_door(stack: LocalStack, http: httpx.AsyncClient) -> None:
    secret = first(stack, "SALESFORCE_WEBHOOK_SECRETS")
    now = int(time.time())
    stranger = MESSAGE.replace(b"<OrganizationId>00D5e000000Pnt1", b"<OrganizationId>00D5e000000XXXX")
    other = salesforce_headers(EVENT, "another secret of the same length at least")
    refusals = [
        await http.post(stack["INGEST_URL"] + COMPANYCAM, content=BODY),
        await post_companycam(stack, http, BODY, **companycam_headers(BODY + b" ", "x")),
        await http.post(stack["INGEST_URL"] + EVENTS, content=EVENT),
        await http.post(stack["INGEST_URL"] + EVENTS, content=EVENT, headers={"Authorization": "Bearer x"}),
        await http.post(stack["INGEST_URL"] + EVENTS, content=EVENT, headers=other),
        await post_event(stack, http, EVENT, **salesforce_headers(EVENT, secret, now - 301)),
        await post_event(stack, http, EVENT, **salesforce_headers(EVENT, secret, now + 302)),
        await post_message(stack, http, MESSAGE, "wrong"),
        await post_message(stack, http, stranger),
        *[await http.post(stack["INGEST_URL"] + path, content=MESSAGE) for path in (MESSAGES, f"{MESSAGES}/")],
    ]

    assert {answer.status_code for answer in refusals} == {401}
    assert len({answer.content for answer in refusals}) == 1


async def test_b10_a_body_changed_by_one_space_is_refused(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answer = await post_companycam(
        stack, http, BODY + b" ", **companycam_headers(BODY, first(stack, "COMPANYCAM_WEBHOOK_TOKENS"))
    )

    assert answer.status_code == 401


async def test_b05_the_secret_of_another_door_is_refused(stack: LocalStack, http: httpx.AsyncClient) -> None:
    headers = companycam_headers(BODY, first(stack, "SALESFORCE_WEBHOOK_SECRETS"))

    answer = await http.post(stack["INGEST_URL"] + COMPANYCAM, content=BODY, headers=headers)

    assert answer.status_code == 401


async def test_b08_f65_a_stale_timestamp_is_refused_and_one_within_the_window_taken(
    stack: LocalStack, http: httpx.AsyncClient
) -> None:
    secret, now = first(stack, "SALESFORCE_WEBHOOK_SECRETS"), int(time.time())

    ages = {
        age: await post_event(stack, http, EVENT, **salesforce_headers(EVENT, secret, now - age))
        for age in (0, 290, -280, 310, 3600, -330)
    }
    texts = [
        await post_event(stack, http, EVENT, **{"X-Salesforce-Timestamp": text})
        for text in ("", "now", "-1", "1e9", "9" * 400)
    ]

    assert [answer.status_code for answer in ages.values()] == [200] * 3 + [401] * 3
    assert {answer.status_code for answer in texts} == {401}


async def test_a_bearer_token_lets_in_a_sender_that_cannot_sign(stack: LocalStack, http: httpx.AsyncClient) -> None:
    token = first(stack, "SALESFORCE_BEARER_TOKENS")

    answer = await http.post(stack["INGEST_URL"] + EVENTS, content=EVENT, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "quarantined": 0})


async def test_a_wrong_signature_is_not_made_good_by_a_token(stack: LocalStack, http: httpx.AsyncClient) -> None:
    bearer = {"Authorization": f"Bearer {first(stack, 'SALESFORCE_BEARER_TOKENS')}"}

    answer = await post_event(stack, http, EVENT, **bearer, **{"X-Salesforce-Signature": "sha256=00"})

    assert answer.status_code == 401


# What is answered


@pytest.mark.parametrize("file", sorted(file.name for file in samples.FOLDER.glob("*.*") if file.suffix != ".md"))
async def test_every_published_shape_is_understood(stack: LocalStack, http: httpx.AsyncClient, file: str) -> None:
    body = samples.body(file)
    if file.endswith(".xml"):
        answer = await post_message(stack, http, body)
    elif file.startswith("companycam"):
        answer = await post_companycam(stack, http, body)
    else:
        answer = await post_event(stack, http, body)

    assert answer.status_code == 200
    assert b"Ack>true<" in answer.content or answer.json()["quarantined"] == 0


async def test_companycam_gets_exactly_200(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answer = await post_companycam(stack, http, BODY)

    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "quarantined": 0})


async def test_an_outbound_message_is_acknowledged(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answer = await post_message(stack, http, MESSAGE)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert b"<Ack>true</Ack>" in answer.content


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "FOO", "PROPFIND"])
async def test_b23_other_methods(stack: LocalStack, http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, stack["INGEST_URL"] + COMPANYCAM)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_unknown_paths(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answers = [
        await http.post(stack["INGEST_URL"] + path)
        for path in ("/", "/webhooks", COMPANYCAM + "/", "/webhooks/companycam%2f")
    ]

    assert {answer.status_code for answer in answers} == {404}


async def test_b14_a_body_over_the_limit_is_refused_before_it_is_read(stack: LocalStack) -> None:
    answer = await raw(
        stack, f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode(), wait=False
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


async def test_b14_a_body_over_the_limit_in_chunks(stack: LocalStack, http: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(17):
            yield b"x" * 65_536

    answer = await http.post(
        stack["INGEST_URL"] + COMPANYCAM, content=chunks(), headers={"X-CompanyCam-Signature": "x"}
    )

    assert answer.status_code == 413


async def test_b16_f62_a_body_that_does_not_come_is_given_up(stack: LocalStack) -> None:
    started = time.monotonic()

    head = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nX-CompanyCam-Signature: x\r\n"

    answer = await raw(stack, f"{head}Content-Length: 100\r\n\r\nhello".encode())

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 13


async def test_f61_slow_headers_are_given_up_also_behind_an_answer(stack: LocalStack) -> None:
    begun, whole = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\nX-A".encode(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    answers = await asyncio.gather(raw(stack, begun), *(raw(stack, whole, behind=line) for line in EMPTY_LINES))

    assert [answer.split(b" ", 2)[1] for answer in answers] == [b"408"] * 3


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
async def test_b17_compressed_bodies_are_refused(stack: LocalStack, http: httpx.AsyncClient, encoding: str) -> None:
    answer = await post_companycam(stack, http, BODY, **{"Content-Encoding": encoding})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")


EMPTY_LINES: Final = (b"\r\n", b"\n")
"""What begins no request, and is skipped."""
NO_HTTP: Final = {
    "b19 f71 length and chunked": b"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "b20 two lengths": b"Host: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "b20 negative length": b"Host: x\r\nContent-Length: -5\r\n\r\nhello",
    "b20 space before colon": b"Host: x\r\nContent-Length : 5\r\n\r\nhello",
    "b20 no host": b"Content-Length: 0\r\n\r\n",
    "b22 obs-fold": b"Host: x\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "nul in a header": b"Host: x\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "broken chunk": b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
}


@pytest.mark.parametrize("rest", NO_HTTP.values(), ids=NO_HTTP.keys())
async def test_what_is_no_http_is_answered_400(stack: LocalStack, rest: bytes) -> None:
    answer = await raw(stack, f"POST {COMPANYCAM} HTTP/1.1\r\n".encode() + rest, wait=b"\r\n\r\n" not in rest)

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))
    assert not answer.startswith(b"HTTP/1.1 401 ") or b"chunk" in rest


async def test_b20_tls_is_answered_400(stack: LocalStack) -> None:
    assert (await raw(stack, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_endless_headers_are_refused(stack: LocalStack) -> None:
    answer = await raw(stack, b"POST / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")


async def raw(stack: LocalStack, data: bytes, *, wait: bool = True, behind: bytes = b"") -> bytes:
    """What a door answers to these bytes, up to its close (`wait`) or to the end of its first answer's header.

    Where something is sent `behind` that answer: what is answered to that.
    """
    host, _, port = stack["INGEST_URL"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        if behind:
            await reader.readuntil(b"}")
            writer.write(behind)
        async with asyncio.timeout(15):
            return await reader.read() if wait else await reader.readuntil(b"}")
    finally:
        writer.close()


# What is kept


NOT_UNDERSTOOD: Final = {
    "b13 empty": b"",
    "b32 escaped nul": rb'{"event_type": "photo.created", "created_at": 1, "payload": {"id": "a\u0000b"}}',
    "b34 NaN": b'{"a": NaN}',
    "b35 1e400": b'{"a": 1e400}',
    "b37 5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "b38 2,000 arrays": b"[" * 2_000 + b"]" * 2_000,
    "b43 latin-1": b'{"a": "caf\xe9"}',
    "b44 trailing": b"{} x",
    "b46 id true": json.dumps({"event_type": "photo.created", "created_at": 1, "payload": {"id": True}}).encode(),
    "b50 no payload": b'{"event_type": "photo.created", "created_at": 1}',
    "b52 keys": json.dumps({f"k{number}": 1 for number in range(65_000)}).encode(),
}


@pytest.mark.parametrize("body", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
async def test_what_is_not_understood_is_answered_like_a_good_one_and_kept_raw(
    stack: LocalStack, http: httpx.AsyncClient, body: bytes
) -> None:
    answer = await post_companycam(stack, http, body)

    row = await quarantined(stack, COMPANYCAM, body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "quarantined": 1})
    assert (row["status"], row["raw"]) == ("FAILED", body)
    assert row["error_message"].startswith("quarantined: ")


async def test_a_quarantined_body_of_the_event_door(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answer = await post_event(stack, http, b'{"who": "knows"}')

    row = await quarantined(stack, EVENTS, b'{"who": "knows"}')
    assert answer.json() == {"accepted": 0, "quarantined": 1}
    assert (row["service"], row["payload"]) == ("SALESFORCE", '{"who": "knows"}')


async def test_b41_a_byte_order_mark_is_taken_off(stack: LocalStack, http: httpx.AsyncClient) -> None:
    assert (await post_companycam(stack, http, b"\xef\xbb\xbf" + BODY)).json() == {"accepted": 1, "quarantined": 0}


@pytest.mark.parametrize("door", ["companycam", "companycam quarantined", "events", "message"])
async def test_a_body_at_the_limit_passes_kafka(stack: LocalStack, http: httpx.AsyncClient, door: str) -> None:
    spooled = await count_spooled(http, stack)
    if door == "companycam":
        document = samples.document("companycam_photo_created.json")
        document["payload"]["photo"]["description"] = "x" * (LIMIT - len(json.dumps(document)) + 2)
        answer = await post_companycam(stack, http, json.dumps(document).encode())
    elif door == "companycam quarantined":
        answer = await post_companycam(stack, http, b"\xff" * LIMIT)
    elif door == "events":
        event = samples.document("change_event_contact_update.json")
        event["Description"] = "x" * (LIMIT - len(json.dumps(event)) - len(', "Description": ""'))
        answer = await post_event(stack, http, json.dumps(event).encode())
    else:
        answer = await post_message(stack, http, MESSAGE.replace(b"Owner", b"x" * (LIMIT - len(MESSAGE) + 5)))

    assert answer.status_code == 200
    assert await count_spooled(http, stack) == spooled


async def count_spooled(http: httpx.AsyncClient, stack: LocalStack) -> list[str]:
    """How much of each door went to the spool, as its metrics say."""
    text = (await http.get(stack["INGEST_URL"] + "/metrics")).text
    return [line for line in text.splitlines() if line.startswith("paintbox_webhook_spooled_total")]


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        (b"<!DOCTYPE x>" + MESSAGE, "xml_dtd", b"document type definition"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "too_deep", b"too deeply"),
        (MESSAGE[:-30], "not_well_formed", b"not well-formed"),
        (b'<?xml version="1.0" encoding="utf-7"?>' + MESSAGE, "wrong_encoding", b"neither UTF-8 nor UTF-16"),
        (MESSAGE.replace(b"schemas.xmlsoap.org/soap/envelope/", b"x"), "wrong_root", b"no envelope"),
    ],
    ids=["b55", "b61", "cut off", "b71", "b70"],
)
async def test_soap_that_is_no_message_is_a_fault_and_kept_once(
    stack: LocalStack, http: httpx.AsyncClient, body: bytes, reason: str, text: bytes
) -> None:
    answers = [await post_message(stack, http, body) for _ in range(2)]

    kept = body.replace(b"00D5e000000Pnt1!AQ.canary-session-of-the-samples", b" " * 48)
    row = await quarantined(stack, MESSAGES, kept)
    assert {answer.status_code for answer in answers} == {500}
    assert answers[0].headers["content-type"] == "text/xml; charset=utf-8"
    assert text in answers[0].content
    assert b"<faultcode>soapenv:Client</faultcode>" in answers[0].content
    assert row["error_message"] == f"quarantined: {reason}"
    assert b"canary-session" not in row["raw"]


@pytest.mark.parametrize("length", [1_700_000, 11_000_000], ids=["b62 attributes", "b62 text"])
async def test_soap_over_the_limit_is_not_even_read(stack: LocalStack, length: int) -> None:
    path = f"{MESSAGES}/{first(stack, 'SALESFORCE_ENDPOINT_TOKENS')}"

    answer = await raw(
        stack, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n<a ".encode(), wait=False
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_b62_as_many_attributes_as_fit_are_refused_in_time(stack: LocalStack, http: httpx.AsyncClient) -> None:
    body = b"<a " + b"".join(b'a%d="" ' % number for number in range(90_000)) + b"/>"

    answer = await post_message(stack, http, body)

    assert answer.status_code == 500
    assert answer.elapsed.total_seconds() < 3


async def test_soap_12_is_a_version_mismatch(stack: LocalStack, http: httpx.AsyncClient) -> None:
    body = MESSAGE.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope")

    answer = await post_message(stack, http, body)

    assert b"<faultcode>soapenv:VersionMismatch</faultcode>" in answer.content


async def test_b65_one_malformed_notification_among_others(stack: LocalStack, http: httpx.AsyncClient) -> None:
    answer = await post_message(
        stack, http, MESSAGE.replace(b"<sf:Id>0035e00000Jer01AAB</sf:Id>", b"<sf:Id>b65</sf:Id>")
    )

    assert answer.status_code == 200
    assert b"<Ack>true</Ack>" in answer.content


async def test_a_message_without_notifications_is_acknowledged(stack: LocalStack, http: httpx.AsyncClient) -> None:
    start, end = MESSAGE.index(b"<Notification>"), MESSAGE.rindex(b"</Notification>") + len(b"</Notification>")

    answer = await post_message(stack, http, MESSAGE[:start] + MESSAGE[end:])

    assert answer.status_code == 200


async def test_b11_the_same_delivery_twice_is_one_row(stack: LocalStack, http: httpx.AsyncClient) -> None:
    body = samples.dumped(samples.document("companycam_photo_created.json") | {"created_at": 1_767_000_011})
    answers = [await post_companycam(stack, http, body) for _ in range(2)]

    event_id = identity.event_id("companycam", "145041", sha256(body).hexdigest())
    await logged(stack, event_id)
    connection = await asyncpg.connect(stack["INTEGRATIONS_DSN"])
    count = await connection.fetchval("SELECT count(*) FROM integrations.webhook_events WHERE id = $1", event_id)
    await connection.close()
    assert {answer.status_code for answer in answers} == {200}
    assert count == 1


def notification(number: int, contact: str, **fields: str) -> bytes:
    """The second notification of the sample, of another contact and under an id of its own."""
    one = MESSAGE[MESSAGE.rindex(b"<Notification>") : MESSAGE.rindex(b"</Notification>") + len(b"</Notification>")]
    one = one.replace(b"04l5e00000bbbbbAAA", b"04l5e0000%09d" % number).replace(DOUGLAS.encode(), contact.encode())
    for name, value in fields.items():
        before, tag, rest = one.partition(f"<sf:{name}>".encode())
        one = before + tag + escape(value).encode() + rest[rest.index(b"<") :]
    return one


def envelope(*notifications: bytes) -> bytes:
    start, end = MESSAGE.index(b"<Notification>"), MESSAGE.rindex(b"</Notification>") + len(b"</Notification>")
    return MESSAGE[:start] + b"".join(notifications) + MESSAGE[end:]


async def test_b67_a_notification_that_comes_twice_in_an_envelope_and_in_another_is_one_row(
    stack: LocalStack, http: httpx.AsyncClient
) -> None:
    one, other = (notification(number, salesforce_id18(f"0035e00000B6{number}")) for number in (701, 702))

    answers = [await post_message(stack, http, body) for body in (envelope(one, one), envelope(other, one))]

    found = """
        SELECT event.event_id, event.status, count(*) AS rows, count(log.id) AS logs
          FROM integrations.webhook_events AS event
          LEFT JOIN integrations.sync_logs AS log ON log.id = event.id
         WHERE event.event_id IN ('04l5e0000000000701', '04l5e0000000000702') AND event.status = 'PROCESSED'
         GROUP BY event.event_id, event.status
        HAVING count(log.id) > 0
         ORDER BY event.event_id
    """
    rows = await rows_of(stack, "INTEGRATIONS", found, 2)
    assert all(b"<Ack>true</Ack>" in answer.content for answer in answers)
    assert [(row["rows"], row["logs"]) for row in rows] == [(1, 1), (1, 1)]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, '=HYPERLINK("http://x","y")'),
        (1, "'; drop table customers.customers; --"),
        (2, "{{7*7}} ${7*7} <script>alert(1)</script>"),
        (3, "$1 %s %(name)s \\x00 {0}"),
    ],
    ids=["formula", "sql", "template", "placeholders"],
)
async def test_b53_text_that_would_be_code_elsewhere_is_the_same_text_in_log_and_rows(
    stack: LocalStack, http: httpx.AsyncClient, number: int, text: str
) -> None:
    contact, email = salesforce_id18(f"0035e00000B530{number}"), f"b53-{number}@example.com"
    document = samples.document("companycam_project_created.json")
    mine = {"id": f"9530000{number}", "name": text, "primary_contact": {"name": text, "email": email}}
    document["payload"]["project"] |= mine
    project = samples.dumped(document)

    said = await post_message(stack, http, envelope(notification(530 + number, contact, LastName=text, Email=email)))
    built = await post_companycam(stack, http, project)

    customers = "SELECT last_name FROM customers.customers WHERE salesforce_id = $1"
    projects = "SELECT name FROM projects.projects WHERE company_cam_id = $1"
    event = await logged(stack, identity.event_id("companycam", "145041", sha256(project).hexdigest()))
    told = "SELECT payload::text AS payload FROM integrations.webhook_events WHERE event_id = $1"
    (message,) = await rows_of(stack, "INTEGRATIONS", told, 1, f"04l5e0000{530 + number:09}")
    assert (said.status_code, built.status_code) == (200, 200)
    assert json.loads(event["payload"])["payload"]["project"]["name"] == text
    assert text in values(json.loads(message["payload"]))
    assert [row["last_name"] for row in await rows_of(stack, "CUSTOMERS", customers, 1, contact)] == [text]
    assert [row["name"] for row in await rows_of(stack, "PROJECTS", projects, 1, mine["id"])] == [text]


async def test_b25_a_line_end_in_a_field_makes_no_line_of_the_log(stack: LocalStack, http: httpx.AsyncClient) -> None:
    document = samples.document("companycam_photo_created.json") | {"event_type": 'photo\r\n{"event": "fake line"}'}

    await post_companycam(stack, http, samples.dumped(document), **{"X-Request-Id": 'a{"event": "fake line"}'})

    assert all(json.loads(line) for line in stack.logs().splitlines() if line.startswith("{"))
    assert '\n{"event": "fake line"}' not in stack.logs()


async def test_the_trace_of_the_sender_is_carried_into_the_log(stack: LocalStack, http: httpx.AsyncClient) -> None:
    body = samples.dumped(samples.document("companycam_photo_created.json") | {"created_at": 1_767_000_012})

    await post_companycam(stack, http, body, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

    event_id = identity.event_id("companycam", "145041", sha256(body).hexdigest())
    row = await logged(stack, event_id)
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in row["headers"]
    assert row["correlation_id"] == event_id


async def test_readiness_and_metrics_of_every_process(stack: LocalStack, http: httpx.AsyncClient) -> None:
    for name in ("INGEST", "WEBHOOK_LOG", "CUSTOMER_SYNC", "PHOTO_SYNC"):
        alive = await http.get(stack[f"{name}_URL"] + "/healthz")
        ready = await http.get(stack[f"{name}_URL"] + "/readyz")
        metrics = await http.get(stack[f"{name}_URL"] + "/metrics")

        assert (alive.status_code, ready.json()) == (200, {"status": "ready"})
        assert "paintbox_build_info" in metrics.text
