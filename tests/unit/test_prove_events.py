"""The ids of events are computed from the bytes as the services compute them, though by other code."""

import orjson
import pytest

from paintbox.prove import contents
from paintbox.prove.events import told_by
from paintbox.prove.ledger import answered, sent
from support.proof import a_delivery
from support.samples import body as sample
from webhook_ingest.parsers import companycam, outbound_messages, salesforce_events, soap


def test_the_notifications_of_an_envelope_have_the_ids_that_the_door_gives_them() -> None:
    body = sample("outbound_message_contacts.xml")

    told = told_by("outbound_message", body)

    understood = outbound_messages.understand(soap.parse(body)).parsed
    assert told == [
        (one.event_id, one.type.rpartition(".")[2], one.subject, contents.digest(one.value)) for one in understood
    ]
    assert told


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("cometd", "change_event_cometd.json"),
        ("event_relay", "change_event_relay.json"),
        ("apex", "apex_callout.json"),
    ],
)
def test_events_and_callouts_have_the_ids_that_the_door_gives_them(form: str, file: str) -> None:
    body = sample(file)

    told = told_by(form, body)

    understood = salesforce_events.understand(body, None).parsed
    assert [(one.event_id, one.record, one.payload) for one in told] == [
        (one.event_id, one.subject, contents.digest(one.value)) for one in understood
    ]
    assert {one.object for one in told} <= {"Contact", "Account"}
    assert told


@pytest.mark.parametrize("file", ["companycam_project_created.json", "companycam_photo_tag_added.json"])
def test_a_webhook_has_the_id_that_the_door_gives_it(file: str) -> None:
    body = sample(file)

    (told,) = told_by("webhook", body)

    (understood,) = companycam.understand(body).parsed
    assert (told.event_id, told.payload) == (understood.event_id, contents.digest(understood.value))
    assert understood.subject == f"{told.object}/{told.record}"


def test_only_what_was_answered_with_a_success_is_promised() -> None:
    body = orjson.dumps({"event_type": "project.created", "webhook_id": 1, "payload": {"project": {"id": "7"}}})
    delivered = a_delivery(body=body, sha256="aa")
    failed = a_delivery(seq=2, body=body.replace(b'"7"', b'"8"'), sha256="bb", state="pending")

    promised = answered([delivered, failed])

    assert [one.record for one in promised.values()] == ["7"]


def test_what_any_try_told_of_was_sent_whatever_became_of_it() -> None:
    first, last = (
        orjson.dumps({"event_type": "project.created", "webhook_id": 1, "payload": {"project": {"id": number}}})
        for number in ("7", "8")
    )
    tried = a_delivery(body=last, earlier=(first,), state="pending")
    waiting = a_delivery(seq=2, body=b"", attempts=(), state="pending", sha256=None)

    told = sent([tried, waiting])

    events = {one.event_id: {one.payload} for body in (first, last) for one in told_by("webhook", body)}
    assert told == events
    assert len(events) == 2


def test_an_event_with_two_payloads_may_carry_either() -> None:
    record = {"Id": "003000000000001AAA", "attributes": {"type": "Contact"}}
    changed = a_delivery(form="apex", body=orjson.dumps({"new": [record], "old": [{**record, "Name": "A"}]}))
    deleted = a_delivery(form="apex", seq=2, body=orjson.dumps({"new": [], "old": [record]}))

    (payloads,) = sent([changed, deleted]).values()

    assert payloads == {
        contents.digest(orjson.dumps({"object": "Contact", "new": new, "old": old}))
        for new, old in ((record, {**record, "Name": "A"}), (None, record))
    }
