"""Whom a door believes about the sender, how much an address may send, and when Kafka is worth waiting for."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from contextvars import copy_context
from ipaddress import ip_network
from typing import Any, cast

import pytest

from synckit import web
from webhook_ingest import addresses, admission, records
from webhook_ingest.addresses import AddressLimit, sender_of
from webhook_ingest.admission import Admission
from webhook_ingest.circuit import Circuit, State
from webhook_ingest.doors import intake
from webhook_ingest.models import RECORD_BYTES, Outgoing
from webhook_ingest.parsers import salesforce_events
from webhook_ingest.resources import Resources

HEADER = {
    "entityName": "Contact",
    "changeType": "UPDATE",
    "transactionKey": "t",
    "sequenceNumber": 1,
    "commitTimestamp": 1_700_000_000_000,
    "recordIds": [f"003{number:012}" for number in range(100)],
}
BODY = json.dumps({"ChangeEventHeader": HEADER, "Description": "x" * 500}).encode()
PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.9", ""),
    ],
)
def test_only_trusted_proxies_are_believed_about_the_sender(peer: str, forwarded: str, sender: str) -> None:
    assert sender_of(peer, forwarded, PROXIES) == sender


def test_an_address_that_sends_too_much_is_refused_until_its_bucket_fills_again() -> None:
    limit = AddressLimit(2)

    at_once = [limit.admits("192.0.2.1", 0) for _ in range(6)]
    later = [limit.admits("192.0.2.1", 0.5) for _ in range(2)]

    assert at_once == [True] * 4 + [False] * 2
    assert later == [True, False]


def test_addresses_do_not_share_a_bucket_but_a_subscriber_has_one() -> None:
    limit = AddressLimit(0.5)

    admitted = [limit.admits(address, 0) for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")]

    assert admitted == [True, True, True, False]


def test_a_rate_below_one_admits_all_the_same() -> None:
    limit = AddressLimit(0.1)

    assert [limit.admits("192.0.2.1", at) for at in (0, 5, 10)] == [True, False, True]


def test_without_a_limit_everything_is_admitted() -> None:
    limit = AddressLimit(0)

    assert all(limit.admits("192.0.2.1", 0) for _ in range(10_000))


def test_no_more_addresses_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST_ADDRESSES", 2)
    limit = AddressLimit(0.5)

    admitted = [limit.admits(address, 0) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1")]

    assert admitted == [True] * 4
    assert len(limit._buckets) == 2


def a_request(*chunks: bytes, **headers: str) -> web.Request:
    """A request whose body comes in these pieces."""
    waiting = deque(chunks or [b""])

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": waiting.popleft(), "more_body": bool(waiting)}

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Request("POST", "/", "", named, "192.0.2.1", receive)


def test_requests_beyond_the_most_are_refused_and_room_is_made_when_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REQUESTS", 1)
    doors = Admission((), AddressLimit(0))

    with doors.admit(a_request(content_length="1")), pytest.raises(web.HttpError) as refused:
        doors.admit(a_request(content_length="1")).__enter__()
    with doors.admit(a_request(content_length="1")) as admitted:
        pass

    assert (refused.value.response.status, refused.value.reason) == (503, "too_busy")
    assert ("retry-after", "1") in refused.value.response.headers
    assert admitted.client == "192.0.2.1"


@pytest.mark.parametrize(
    ("length", "is_admitted"),
    [("40", True), ("60", True), ("61", False), ("", False), ("-1", False), ("9" * 5_000, False), ("²", False)],
)
async def test_bytes_beyond_the_most_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch, length: str, *, is_admitted: bool
) -> None:
    monkeypatch.setattr(admission, "MOST_BYTES", 100)
    doors = Admission((), AddressLimit(0))
    headers = {"content_length": length} if length else {"transfer_encoding": "chunked"}

    with doors.admit(a_request(b"x" * 40, content_length="40")) as first:
        await web.read_body(first)
        second = doors.admit(a_request(**headers))
        if is_admitted:
            with second:
                pass
        else:
            with pytest.raises(web.HttpError):
                second.__enter__()

    assert doors._bytes == 0


@pytest.mark.parametrize("headers", [{"content_length": "100"}, {"transfer_encoding": "chunked"}])
async def test_what_is_announced_and_does_not_come_takes_no_room(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(admission, "MOST_BYTES", web.LARGEST_BODY + 10)
    doors = Admission((), AddressLimit(0))

    with ExitStack() as admitted:
        for _ in range(10):
            request = admitted.enter_context(doors.admit(a_request(b"x", b"never", **headers)))
            await request.receive()
        held = doors._bytes

    assert (held, doors._bytes) == (10, 0)


@pytest.mark.parametrize("headers", [{"content_length": "60"}, {"transfer_encoding": "chunked"}])
async def test_a_body_that_would_pass_the_most_is_refused_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(admission, "MOST_BYTES", web.LARGEST_BODY)
    doors = Admission((), AddressLimit(0))
    other = a_request(b"x" * (web.LARGEST_BODY - 50), content_length="60")

    with doors.admit(a_request(b"x" * 30, b"x" * 30, **headers)) as slow, doors.admit(other) as quick:
        await web.read_body(quick)
        with pytest.raises(web.HttpError) as refused:
            await web.read_body(slow)
        held = doors._bytes

    answer = refused.value.response
    assert (answer.status, refused.value.reason) == (503, "too_busy")
    assert ("retry-after", "1") in answer.headers
    assert "connection" not in dict(answer.headers)  # closed at once, it would be reset under an honest sender
    assert (held, doors._bytes) == (web.LARGEST_BODY - 20, 0)


async def test_what_a_body_becomes_takes_room_until_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change event of a hundred records is as short as one of a single one."""
    monkeypatch.setattr(admission, "MOST_BYTES", 500_000)
    doors, taken = Admission((), AddressLimit(0)), list[int]()

    class Custody:
        async def keep(self, _: str, kept: Sequence[Outgoing]) -> None:
            taken.append(doors._bytes)
            if len(taken) == 1:
                with pytest.raises(web.HttpError) as refused:
                    await put()
                assert (refused.value.response.status, refused.value.reason) == (503, "too_busy")
            assert len(kept) == 100

    async def put() -> None:
        with doors.admit(a_request(BODY, content_length=str(len(BODY)))) as request:
            await web.read_body(request)
            await intake.keep(records.SALESFORCE_EVENTS, request, salesforce_events.understand(BODY, None), resources)

    resources = Resources(cast("Any", None), doors, cast("Any", Custody()))
    await put()
    await put()

    assert len(taken) == 2
    assert taken[0] == taken[1] > 100 * (RECORD_BYTES + 500)
    assert doors._bytes == 0


@pytest.mark.parametrize(("length", "is_taken"), [("0" * 5_000 + "5", True), ("0" * 5_000 + "2000000", False)])
async def test_a_length_of_any_number_of_digits_is_read(length: str, *, is_taken: bool) -> None:
    request = a_request(b"hello", content_length=length)

    if is_taken:
        assert await web.read_body(request) == b"hello"
    else:
        with pytest.raises(web.HttpError) as refused:
            await web.read_body(request)
        assert refused.value.reason == "body_too_large"


async def test_an_answered_request_leaves_nothing_of_its_body_to_what_comes_after() -> None:
    async def refusing(request: web.Request) -> web.Response:
        await intake.read_body(request)
        raise intake.not_authenticated("invalid_signature")

    answer = intake.counted(records.COMPANYCAM, Admission((), AddressLimit(0)), refusing)

    refused = await answer(a_request(b"hello", content_length="5"))

    assert refused.status == 401
    assert not [value for value in copy_context().values() if value == b"hello"]


def test_an_address_beyond_its_limit_is_told_so() -> None:
    doors = Admission(PROXIES, AddressLimit(0.5))

    with doors.admit(a_request()), pytest.raises(web.HttpError) as refused:
        doors.admit(a_request()).__enter__()

    assert (refused.value.response.status, refused.value.reason) == (429, "rate_limited")


def test_a_half_open_circuit_lets_one_through_until_that_one_says_how_it_ended() -> None:
    circuit = Circuit()
    circuit.half_open()

    tried = [circuit.admits() for _ in range(3)]
    circuit.give_back()
    again = [circuit.admits() for _ in range(2)]
    circuit.close()

    assert tried == [True, False, False]
    assert again == [True, False]
    assert all(circuit.admits() for _ in range(3))


def test_an_open_circuit_lets_nothing_through() -> None:
    circuit = Circuit()
    circuit.close()

    circuit.open()

    assert (circuit.state, circuit.admits()) == (State.OPEN, False)


def test_changes_of_the_circuit_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "webhook_ingest.circuit")
    circuit = Circuit()

    for change in (circuit.close, circuit.close, circuit.open, circuit.open, circuit.half_open, circuit.close):
        change()

    assert caplog.messages == [
        "Kafka acknowledges: the doors send to it",
        "Kafka is away: the doors write to the spool",
        "Kafka acknowledges: the doors send to it",
    ]
