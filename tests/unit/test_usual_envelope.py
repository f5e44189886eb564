"""The pattern takes Salesforce's own writing only, and understands of it what an XML parser does."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import samples
from webhook_ingest.parsers import outbound_messages, soap, usual_envelope

MESSAGE: Final = samples.body("outbound_message_contacts.xml")
SPLICES: Final = (
    *(b"<", b">", b"&", b"&amp;", b"&#13;", b"]]>", b"<!-- x -->", b"<![CDATA[x]]>", b"<!DOCTYPE x>", b"<?x y?>"),
    *(b"\r", b"\r\n", b"\n", b"\t", b" ", b"\0", b"\x01", b"\x0b", b"\x7f", b"\xc2\x85", b"\xef\xbb\xbf", b"\xff"),
    *("\ufffe".encode(), "\uffff".encode(), b"\xed\xa0\x80", "\u2028".encode(), "\U0001f3a8".encode(), b"\xa0"),
    *(b'<?xml version="1.0" encoding="UTF-8"?>', b' xsi:nil="true"', b"<sf:Email/>", b'<sf:Email xsi:nil="true"/>'),
    *(b"<sf:Title></sf:Title>", b"<sf:Title>  </sf:Title>", b"<sf:Title>a</sf:Titel>", b"<sf:A><sf:B/></sf:A>"),
    *(b"<Notification/>", b"</Notification>", b"<Id></Id>", b"<Id>  </Id>", b"sf:", b"xsi:", b'"', b"'", b"="),
)
CUTS: Final = st.lists(
    st.tuples(st.integers(0, len(MESSAGE)), st.integers(0, 30), st.sampled_from(SPLICES) | st.binary(max_size=3)),
    max_size=3,
)


def spliced(cuts: list[tuple[int, int, bytes]]) -> bytes:
    body = MESSAGE
    for at, length, piece in cuts:
        body = body[:at] + piece + body[at + length :]
    return body


def assert_same(body: bytes) -> None:
    """What the pattern takes, the parser takes too, and both make the same of it."""
    if usual_envelope.read(body) is not None:
        by_pattern, by_parser = soap.parse(body), soap.parse_elements(body)
        assert by_pattern.organization_id == by_parser.organization_id
        assert outbound_messages.understand(by_pattern) == outbound_messages.understand(by_parser)


@settings(max_examples=500)
@given(CUTS)
def test_what_is_spliced_in_anywhere_means_the_same_or_is_left_to_the_parser(
    cuts: list[tuple[int, int, bytes]],
) -> None:
    assert_same(spliced(cuts))


@pytest.mark.parametrize("piece", SPLICES, ids=repr)
@pytest.mark.parametrize(
    "place",
    [b"Geraldine", b"<Notification>", b"<sf:FirstName>", b"00D5e000000Pnt1</Org", b"<soapenv:Envelope", b"04l5e"],
)
def test_what_is_spliced_in_at_a_seam_means_the_same_or_is_left_to_the_parser(place: bytes, piece: bytes) -> None:
    at = MESSAGE.index(place)

    assert_same(spliced([(at, 0, piece)]))
    assert_same(spliced([(at + len(place), 0, piece)]))
    assert_same(spliced([(at, len(place), piece)]))


@given(st.text(max_size=20))
def test_a_value_of_any_characters_means_the_same_or_is_left_to_the_parser(text: str) -> None:
    assert_same(MESSAGE.replace(b"Geraldine", text.encode()))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body,
        lambda body: b'<?xml version="1.0" encoding="UTF-8"?>' + body,
        lambda body: b'<?xml version="1.0" encoding="UTF-8"?>\n' + body,
        lambda body: body.replace(b"\n", b""),
        lambda body: body.replace(b"<sf:Title>Owner</sf:Title>", b'<sf:Title xsi:nil="true"/>'),
        lambda body: body.replace(b"Geraldine", "Žofie".encode()),
    ],
    ids=["as published", "a declaration", "on a line of its own", "on one line", "an empty field", "beyond ASCII"],
)
def test_salesforces_own_writing_needs_no_parser(change: object) -> None:
    assert callable(change)

    assert usual_envelope.read(change(MESSAGE)) is not None
    assert_same(change(MESSAGE))


def test_of_what_is_not_understood_the_notification_itself_is_kept() -> None:
    body = MESSAGE.replace(b"<sf:Id>0035e00000Jer01AAB</sf:Id>", b"<sf:Id>no id</sf:Id>")

    assert usual_envelope.read(body) is not None
    assert_same(body)
