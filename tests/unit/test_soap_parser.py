"""The SOAP parser takes what Salesforce sends, and lets only its own errors out."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import samples
from webhook_ingest.parsers import outbound_messages, soap, usual_envelope
from webhook_ingest.parsers.soap import SoapError

MESSAGE = samples.body("outbound_message_contacts.xml")
NOTIFICATIONS = MESSAGE[
    MESSAGE.index(b"<notifications") : MESSAGE.index(b"</notifications>") + len(b"</notifications>")
]
NOTIFICATION = MESSAGE[MESSAGE.index(b"<Notification>") : MESSAGE.index(b"</Notification>") + len(b"</Notification>")]
BODY = MESSAGE[MESSAGE.index(b"<soapenv:Body") : MESSAGE.index(b"</soapenv:Body>") + len(b"</soapenv:Body>")]
LONG_DECLARATION = b'<?xml version="1.0"' + b" " * 220 + b'encoding="ISO-8859-1"?>'
NAMESPACE = b'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'


def reason_for(body: bytes) -> str:
    with pytest.raises(SoapError) as refused:
        soap.parse(body)
    return refused.value.reason


def test_the_published_shape_is_two_notifications() -> None:
    message = soap.parse(MESSAGE)

    first, second = (soap.sobject_of(one) for one in message.notifications)

    assert message.organization_id == "00D5e000000Pnt1"
    assert message.action_id == "04k5e0000000Ct1AAE"
    assert first is not None
    assert first.object == "Contact"
    assert first.notification_id == "04l5e00000aaaaaAAA"
    assert "Email" not in first.fields
    assert second is not None
    assert second.fields["Email"] == "douglas.hunting@example.com"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: b'<?xml version="1.0" encoding="UTF-8"?>\n' + body,
        lambda body: (b'<?xml version="1.0" encoding="UTF-16"?>\n' + body).decode().encode("utf-16"),
        lambda body: body.replace(b"soapenv:", b"S:").replace(b"xmlns:soapenv", b"xmlns:S"),
        lambda body: body.replace(b"sf:", b"data:").replace(b":sf=", b":data="),
    ],
    ids=["byte order mark", "declaration", "utf-16", "other prefix", "other prefix of fields"],
)
def test_prefixes_declarations_and_encodings_do_not_matter(change: object) -> None:
    assert callable(change)

    message = soap.parse(change(MESSAGE))

    found = soap.sobject_of(message.notifications[1])
    assert found is not None
    assert found.fields["LastName"] == "Hunting"


def test_b55_any_doctype_is_refused_even_an_empty_one() -> None:
    assert reason_for(b"<!DOCTYPE x>" + MESSAGE) == "xml_dtd"


def test_b56_a_billion_laughs_is_refused() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

    assert reason_for(laughs + MESSAGE.replace(b"Hunting", b"&b;")) == "xml_dtd"


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x">%e;]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    ],
    ids=["b58 general entity", "b59 parameter entity", "b59 external dtd"],
)
def test_external_entities_are_refused(declaration: bytes) -> None:
    assert reason_for(declaration + MESSAGE) == "xml_dtd"


def test_b61_deep_nesting_is_refused() -> None:
    assert reason_for(b"<a>" * 200_000 + b"</a>" * 200_000) == "too_deep"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_well_formed"),
        (b"{}", "not_well_formed"),
        (MESSAGE[:-20], "not_well_formed"),
        (b"<x/>", "wrong_root"),
        (b"<soapenv:Envelope " + NAMESPACE + b"><soapenv:Body/></soapenv:Envelope>", "wrong_root"),
        (MESSAGE.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"urn:other"), "wrong_root"),
        (MESSAGE.replace(NOTIFICATIONS, NOTIFICATIONS * 2), "wrong_root"),
        (MESSAGE.replace(BODY, BODY * 2), "wrong_root"),
        (
            MESSAGE.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"),
            "wrong_soap_version",
        ),
        (b'<?xml version="1.0" encoding="utf-7"?>' + MESSAGE, "wrong_encoding"),
        (b'<?xml version="1.0" encoding="iso-8859-1"?>' + MESSAGE, "wrong_encoding"),
        (LONG_DECLARATION + MESSAGE.replace(b"Brown", "Bröwn".encode("latin-1")), "wrong_encoding"),
        (MESSAGE.replace(b"Brown", "Bröwn".encode("latin-1")), "not_well_formed"),
    ],
    ids=[
        "empty",
        "json",
        "cut off",
        "other root",
        "no body",
        "other namespace",
        "two messages",
        "two bodies",
        "b70 soap 1.2",
        "b71 utf-7",
        "latin-1",
        "b71 latin-1 after a long declaration",
        "b71 latin-1 bytes in utf-8",
    ],
)
def test_what_is_no_message_is_refused(body: bytes, reason: str) -> None:
    assert reason_for(body) == reason


TOKENS: Final = sorted(set(re.findall(rb"<[^>]*>|[^<>]+", MESSAGE)))
"""Its tags and texts."""


@given(st.binary(max_size=300))
def test_whatever_the_bytes_only_a_soap_error_leaves(noise: bytes) -> None:
    for body in (noise, MESSAGE[:200] + noise, MESSAGE.replace(b"Hunting", noise)):
        with suppress(SoapError):
            outbound_messages.understand(soap.parse(body))


@given(st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from((*TOKENS, b"", b"<!-- x -->", b"<![CDATA[x]]>")))))
def test_whatever_its_parts_are_replaced_by_only_a_soap_error_leaves(changes: list[tuple[bytes, bytes]]) -> None:
    body = MESSAGE
    for old, new in changes:
        body = body.replace(old, new, 1)
    with suppress(SoapError):
        outbound_messages.understand(soap.parse(body))


@given(st.binary(max_size=300))
def test_no_session_is_ever_kept(noise: bytes) -> None:
    kept = soap.without_session(MESSAGE[:900] + noise)

    assert b"canary-session" not in kept


@pytest.mark.parametrize(
    "body",
    [
        MESSAGE,
        MESSAGE.decode().encode("utf-16"),
        MESSAGE.decode().encode("utf-16-be"),
        MESSAGE.replace(b"</SessionId>", b""),
        MESSAGE.replace(b"AQ.canary-session-of-the-samples", b"<![CDATA[canary-session]]>"),
        MESSAGE.replace(b"AQ.canary-session-of-the-samples", b"<![CDATA[a</SessionId>canary-session"),
        MESSAGE.replace(b"AQ.canary-session-of-the-samples", b"<!-- </SessionId> -->canary-session"),
        MESSAGE.replace(b"AQ.canary-session-of-the-samples", b"<?x </SessionId> ?>canary-session"),
        MESSAGE.replace(b"Brown", "Bröwn".encode("latin-1")),
        MESSAGE.replace(b"SessionId", b"x:SessionId"),
    ],
    ids=[
        "utf-8",
        "utf-16",
        "utf-16 without mark",
        "unclosed",
        "cdata",
        "open cdata",
        "comment",
        "instruction",
        "latin-1",
        "prefixed",
    ],
)
def test_a_session_is_blanked_in_every_form(body: bytes) -> None:
    kept = soap.without_session(body)

    assert b"canary" not in kept.replace(b"\x00", b"")


@pytest.mark.parametrize(
    "tag", [b'<SessionId xsi:nil="true"/>', b"<SessionId/>", b"<SessionId />", b'<SessionId a=">"/>']
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_where_no_session_is_sent_nothing_is_blanked(tag: bytes, encoding: str) -> None:
    body = re.sub(b"<SessionId>.*?</SessionId>", tag, MESSAGE).decode().encode(encoding)

    assert soap.without_session(body) == body


def test_messages_without_session_that_are_set_aside_whole_stay_what_they_are() -> None:
    body = re.sub(b"<SessionId>.*?</SessionId>", b'<SessionId xsi:nil="true"/>', MESSAGE)
    bodies = [
        body.replace(NOTIFICATION, NOTIFICATION.replace(b"Geraldine", name) * 1_001) for name in (b"Brown", b"Green")
    ]

    kept = [outbound_messages.understand(soap.parse(one)).quarantined[0].body for one in bodies]

    assert kept == bodies


@pytest.mark.parametrize(
    "tag", [b'<SessionId x="/>">', b"<SessionId x='/>'>", b'<SessionId a=">'], ids=["double", "single", "broken"]
)
def test_what_only_looks_as_if_it_closed_itself_is_blanked(tag: bytes) -> None:
    assert b"canary" not in soap.without_session(MESSAGE.replace(b"<SessionId>", tag))


@pytest.mark.parametrize("child", [b"<SessionId-x></SessionId-x>", b"<SessionId.x></SessionId.x>"])
def test_no_other_end_tag_ends_a_session(child: bytes) -> None:
    body = MESSAGE.replace(b"AQ.canary", child + b"canary")

    assert b"canary" not in soap.without_session(body)


def test_a_message_without_a_session_is_kept_as_it_is() -> None:
    body = b"<x>SessionId is a word</x>"

    assert soap.without_session(body) == body


def test_a_retry_with_the_same_data_is_the_same_event_and_newer_data_another() -> None:
    first = outbound_messages.understand(soap.parse(MESSAGE)).parsed
    again = outbound_messages.understand(soap.parse(MESSAGE.replace(b"sf:", b"x:").replace(b":sf=", b":x="))).parsed
    newer = outbound_messages.understand(soap.parse(MESSAGE.replace(b"Hunting", b"Gathering"))).parsed

    assert [one.event_id for one in again] == [one.event_id for one in first]
    assert newer[0].event_id == first[0].event_id
    assert newer[1].event_id != first[1].event_id


OTHER_FORMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "plain": lambda body: body,
    "a comment": lambda body: body.replace(b"<Notification>", b"<!-- one more --><Notification>"),
    "CDATA": lambda body: body.replace(b"Geraldine", b"<![CDATA[Geraldine]]>"),
    "UTF-16": lambda body: body.decode().replace('"UTF-8"', '"UTF-16"').encode("utf-16"),
    "UTF-16 without a mark": lambda body: body.decode().replace('"UTF-8"', '"UTF-16"').encode("utf-16-be"),
}
"""The same envelope, read by another parser."""


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_b65_one_malformed_notification_is_set_aside_alone(form: Callable[[bytes], bytes]) -> None:
    body = form(MESSAGE.replace(b"<sf:Id>0035e00000Jer01AAB</sf:Id>", b"<sf:Id>no id</sf:Id>"))

    understood = outbound_messages.understand(soap.parse(body))

    assert [one.key for one in understood.parsed] == [samples.DOUGLAS]
    assert [one.why for one in understood.quarantined] == ["malformed_id: /Notification/sObject/Id"]
    assert b"Geraldine" in understood.quarantined[0].body
    assert b"Douglas" not in understood.quarantined[0].body


def test_what_is_set_aside_can_be_read_again_alone_and_holds_no_session() -> None:
    body = MESSAGE.replace(b"<sf:Id>0035e00000Jer01AAB</sf:Id>", b"<sf:Id>no id</sf:Id>")
    set_aside = outbound_messages.understand(soap.parse(body)).quarantined[0].body

    mended = soap.parse(set_aside.replace(b"no id", b"0035e00000Jer01AAB"))

    assert b"canary-session" not in set_aside
    assert [one.key for one in outbound_messages.understand(mended).parsed] == [samples.GERALDINE]


def test_a_session_inside_a_notification_is_not_kept_either() -> None:
    inside = b"<sf:Id>no id</sf:Id><SessionId>canary-<b>session</b></SessionId>"
    body = MESSAGE.replace(b"<sf:Id>0035e00000Jer01AAB</sf:Id>", inside)

    (set_aside,) = outbound_messages.understand(soap.parse(body)).quarantined

    assert b"canary" not in set_aside.body


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_what_every_record_would_repeat_is_kept_short(form: Callable[[bytes], bytes]) -> None:
    many = b"".join(NOTIFICATION.replace(b"aaaaa", b"%05d" % number) for number in range(300))
    long = MESSAGE.replace(NOTIFICATION, many).replace(b"</ActionId>", b"x" * 300_000 + b"</ActionId>")

    understood = outbound_messages.understand(soap.parse(form(long)))

    assert len(understood.parsed) == 301
    assert sum(len(one.value) for one in understood.parsed) < len(long)


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_a_message_of_more_than_a_thousand_is_set_aside_whole_and_without_its_session(
    form: Callable[[bytes], bytes],
) -> None:
    body = form(MESSAGE.replace(NOTIFICATION, NOTIFICATION * 1_000))

    (set_aside,) = outbound_messages.understand(soap.parse(body)).quarantined

    assert set_aside.why == "too_many_records"
    assert soap.parse(set_aside.body).notifications != ()
    assert b"canary" not in set_aside.body.replace(b"\0", b"")


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
@pytest.mark.parametrize(
    "uri",
    [b"x" * 300_000, b"x>y" * 100_000, b"it's" * 75_000, "\u2222\u2727\u3c3c\u3e3e".encode() * 25_000],
    ids=["long", "ends", "quotes", "quotes in UTF-16"],
)
def test_a_namespace_that_many_elements_would_repeat_is_refused(form: Callable[[bytes], bytes], uri: bytes) -> None:
    long = MESSAGE.replace(b"<soapenv:Envelope", b'<soapenv:Envelope xmlns:long="urn:' + uri + b'"')

    assert reason_for(form(long.replace(b"<sf:LastName>", b"<sf:a/>" * 100 + b"<sf:LastName>"))) == "tags_too_long"


@pytest.mark.parametrize(
    "hides", [b"<?x <!-- ?>", b"<?x <![CDATA[ ?>", b"<!-- <![CDATA[ -->", b"<!-- <?x -->"], ids=repr
)
def test_nothing_hides_the_tags_behind_it(hides: bytes) -> None:
    long = b'<soapenv:Body xmlns:long="urn:' + b"x" * 300_000 + b'">' + b"<long:a/>" * 100

    assert reason_for(MESSAGE.replace(b"<soapenv:Body>", hides + long)) == "tags_too_long"


def test_attributes_repeat_a_namespace_as_elements_do() -> None:
    long = MESSAGE.replace(b"<soapenv:Envelope", b'<soapenv:Envelope xmlns:long="urn:' + b"x" * 300_000 + b'"')
    attributes = b"".join(b' long:a%d=""' % number for number in range(500))

    assert reason_for(long.replace(b"<sf:LastName>", b"<sf:LastName%s>" % attributes, 1)) == "tags_too_long"


@pytest.mark.parametrize(
    "text",
    [
        b"xmlns='" + b"x" * 9_000,
        b"it's &lt;b " + b"y " * 9_000,
        b'"' * 9_000,
        b"<![CDATA[a <b = c" + b" text = more" * 800 + b"]]>",
        b"<!-- a <b = c" + b" text = more" * 800 + b"-->",
    ],
    ids=["namespace", "escaped", "quotes", "CDATA", "comment"],
)
def test_a_long_text_is_no_long_tag(text: bytes) -> None:
    many = NOTIFICATION.replace(b"Geraldine", b"Geraldine &amp; " + text) * 50

    understood = outbound_messages.understand(soap.parse(MESSAGE.replace(NOTIFICATION, many)))

    assert [one.key for one in understood.parsed] == [samples.GERALDINE, samples.DOUGLAS]


@pytest.mark.parametrize("name", [b"A" * 500_000, b"A" * 81])
def test_a_long_name_is_the_xml_parsers(name: bytes) -> None:
    malformed = NOTIFICATION.replace(b"0035e00000Jer01AAB", b"no id")
    body = MESSAGE.replace(NOTIFICATION, malformed.replace(b"<sf:LastName>", b"<sf:%s/><sf:LastName>" % name) * 9)

    assert usual_envelope.read(body) is None
    with suppress(SoapError):
        outbound_messages.understand(soap.parse(body))


def test_as_many_elements_as_fit_are_set_aside_as_well() -> None:
    malformed = NOTIFICATION.replace(b"0035e00000Jer01AAB", b"no id")
    many = malformed.replace(b"<sf:LastName>", b"<sf:A/>" * 149_000 + b"<sf:LastName>")
    body = MESSAGE.replace(NOTIFICATION, many)

    assert usual_envelope.read(body) is not None
    assert len(outbound_messages.understand(soap.parse(body)).quarantined) == 1


def test_what_is_set_aside_of_one_body_is_bounded() -> None:
    long = b' xmlns:n="urn:%s"' % (b"x" * 2_500)
    malformed = NOTIFICATION.replace(b"0035e00000Jer01AAB", b"no id").replace(b"<sf:Id>", b"<n:a/><sf:Id>")
    body = MESSAGE.replace(NOTIFICATION, malformed * 600).replace(b"<soapenv:Body", b"<soapenv:Body" + long)

    understood = outbound_messages.understand(soap.parse(body))

    assert len(understood.quarantined) == 600
    assert sum(len(one.body) for one in understood.quarantined) < soap.MOST_NAME_BYTES


def test_of_a_thousand_malformed_ones_the_body_is_read_once_more_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    message = soap.parse(MESSAGE.replace(NOTIFICATION, NOTIFICATION.replace(b"0035e00000Jer01AAB", b"no id") * 999))
    tree = Mock(side_effect=soap._tree)
    monkeypatch.setattr(soap, "_tree", tree)

    understood = outbound_messages.understand(message)

    assert (len(understood.quarantined), tree.call_count) == (999, 1)


def test_of_a_field_that_stands_twice_the_last_one_counts_as_in_json() -> None:
    body = MESSAGE.replace(b"</sf:LastName>", b"</sf:LastName><sf:LastName>Second</sf:LastName>", 1)

    first = soap.sobject_of(soap.parse(body).notifications[0])

    assert first is not None
    assert first.fields["LastName"] == "Second"


@pytest.mark.parametrize(
    ("given", "is_ours"),
    [("", True), ("AAA", True), ("AAAA", False), ("x" * 900_000, False)],
    ids=lambda one: len(str(one)),
)
def test_an_organization_is_told_by_fifteen_characters_of_eighteen_at_most(given: str, is_ours: bool) -> None:
    message = soap.parse(MESSAGE.replace(b"00D5e000000Pnt1", b"00D5e000000Pnt1" + given.encode()))

    assert outbound_messages.is_of(message, ["00D5e000000Pnt1"]) is is_ours


def test_b67_the_same_notification_twice_is_one_record() -> None:
    understood = outbound_messages.understand(soap.parse(MESSAGE.replace(NOTIFICATION, NOTIFICATION * 2, 1)))

    assert len(understood.parsed) == 2


def test_fifteen_characters_are_keyed_as_eighteen() -> None:
    body = MESSAGE.replace(b"0035e00000Dou01AAB", b"0035e00000Dou01")

    understood = outbound_messages.understand(soap.parse(body))

    assert understood.parsed[1].key == "0035e00000Dou01AAB"


@pytest.mark.parametrize("stamp", [b"2026-01-02", b"soon", b"10000-01-01T00:00:00.000Z", b"2026-01-02T10:00:00"])
def test_b47_a_stamp_that_is_no_time_is_set_aside(stamp: bytes) -> None:
    body = MESSAGE.replace(b"2026-01-02T10:00:01.000Z", stamp)

    understood = outbound_messages.understand(soap.parse(body))

    assert [one.reason for one in understood.quarantined] == ["malformed_time"]
