"""SOAP 1.1 as Salesforce's Outbound Messages speak it: an envelope of up to 100 notifications.

Format: https://developer.salesforce.com/docs/platform/api/guide/sforce-api-om-outboundmessaging-wsdl.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, XMLParser, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from webhook_ingest.parsers import usual_envelope

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE_12: Final = "http://www.w3.org/2003/05/soap-envelope"
OUTBOUND: Final = "http://soap.sforce.com/2005/09/outbound"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
DEEPEST: Final = 32
LONGEST_ACTION: Final = 40
"""Characters kept of an ActionId, which every record repeats; an id has 18."""

_ENCODING: Final = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
"""What the declaration says, which nothing but a byte order mark may stand before, however long it is."""
_ASIDE = r"<\?(?>.*?(?:\?>|\Z))|<!--(?>.*?(?:-->|\Z))|<!\[CDATA\[(?>.*?(?:\]\]>|\Z))"
"""An instruction, a comment, CDATA, or the rest of a body that does not end it: no tag stands there."""
_START = r"""<[^<>"'!?/\s][^<>"']*+(?:(?:"[^"<]*+"|'[^'<]*+')[^<>"']*+)*+"""
_TAG: Final = re.compile(f"{_ASIDE}|({_START})".encode(), re.DOTALL)
"""A start tag, read in one go whatever stands there; nothing for an instruction, a comment or CDATA."""
MOST_NAME_BYTES: Final = 32 * 1024 * 1024
"""What the names of all elements may become: expat writes a namespace, however long, anew for every element in it."""
_UTF: Final = frozenset({b"utf-8", b"utf8", b"utf-16", b"utf-16le", b"utf-16be", b"us-ascii", b"ascii"})
_OPENED = r"<(?:[^\s<>/:]+:)?SessionId\b"
_CLOSED = r"</(?:[^\s<>/:]+:)?SessionId(?![\w.-])"
_CLOSES_ITSELF = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+(?<=/)>"""
_TEXT = rf"(?:{_ASIDE}|(?!{_CLOSED}).)*+"
_SESSION: Final = re.compile(rf"({_OPENED}(?!{_CLOSES_ITSELF})[^>]*>)({_TEXT})|({_OPENED})([^>]*)\Z", re.DOTALL)
"""A SessionId's tag and its text, up to its end tag (none in an instruction, a comment or CDATA is), or to the end.

One that closes itself, as where no session is sent, has no text. What looks like a tag elsewhere counts as one: rather
too much is blanked than a session kept."""
_MARK: Final = "SessionId"


class SoapError(Exception):
    """The body is no envelope that we take; `reason` and `code` come from closed sets."""

    def __init__(self, reason: str, code: str = "Client") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        """The faultcode: Client, or VersionMismatch for another SOAP."""


@dataclass(frozen=True, slots=True)
class Message:
    """An envelope: who sent it, by which definition, and its notifications: as elements, or already as records."""

    organization_id: str
    action_id: str
    notifications: "tuple[Element | SObject, ...]"
    body: bytes
    """As it came, the SessionId in it; what was read without elements is read anew where one is needed."""


@dataclass(frozen=True, slots=True)
class SObject:
    """The record of a notification, as text; a field that is there without a value is None."""

    notification_id: str
    object: str
    fields: dict[str, Any]


def parse(body: bytes) -> Message:
    """The envelope in a body. SoapError for a DTD, other encodings than UTF, no SOAP 1.1, or too much depth."""
    usual = usual_envelope.read(body)
    if usual is None:
        return parse_elements(body)
    organization_id, action_id, notifications = usual
    return Message(organization_id, action_id[:LONGEST_ACTION], tuple(SObject(*one) for one in notifications), body)


def parse_elements(body: bytes) -> Message:
    """As `parse`, by an XML parser whatever it is."""
    declared = _ENCODING.match(body)
    if declared is not None and declared.group(1).lower() not in _UTF:
        raise SoapError("wrong_encoding")
    message = _notifications(_tree(body))
    return Message(
        organization_id=_child(message, "OrganizationId"),
        action_id=_child(message, "ActionId")[:LONGEST_ACTION],
        notifications=tuple(_each(message)),
        body=body,
    )


def _notifications(root: Element) -> Element:
    if root.tag == f"{{{ENVELOPE_12}}}Envelope":
        raise SoapError("wrong_soap_version", "VersionMismatch")
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise SoapError("wrong_root")
    messages = root.findall(f"{{{ENVELOPE}}}Body/{{{OUTBOUND}}}notifications")
    if len(messages) != 1:
        raise SoapError("wrong_root")
    return messages[0]


def _each(message: Element) -> Iterator[Element]:
    return message.iterfind(f"{{{OUTBOUND}}}Notification")


def _tree(body: bytes) -> Element:
    """The elements of a body. What holds no `<!`, in an encoding that writes it so, declares nothing to guard against.

    Such a body is read by Python's own parser, in C throughout; the rest by defusedxml, which is several times slower.
    """
    text = _decoded(body) if b"\0" in body else body
    _check_names(text.encode() if isinstance(text, str) else text)
    parser = XMLParser() if b"<!" not in body and text is body else DefusedXMLParser(forbid_dtd=True)  # noqa: S314
    try:
        parser.feed(text)
        root: Element = parser.close()
    except DefusedXmlException:
        raise SoapError("xml_dtd") from None
    except (ParseError, ValueError, LookupError):
        raise SoapError("not_well_formed") from None
    if _is_deep(root):
        raise SoapError("too_deep")
    return root


def _decoded(body: bytes) -> str:
    """What is written in UTF-16: its bytes look like quotes and tags that are none."""
    encoding = "utf-16" if body[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        raise SoapError("not_well_formed") from None


def _check_names(text: bytes) -> None:
    """An attribute has a name too, and behind each name stands an equals sign."""
    tags = _TAG.findall(text)
    names = sum(1 + tag.count(b"=") for tag in tags)
    if names * max(map(len, tags), default=0) > MOST_NAME_BYTES:
        raise SoapError("tags_too_long")


def _is_deep(root: Element) -> bool:
    level = [root]
    for _ in range(DEEPEST):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def _child(element: Element, name: str) -> str:
    return (element.findtext(f"{{{OUTBOUND}}}{name}") or "").strip()


def sobject_of(notification: Element | SObject) -> SObject | None:
    """The record of a notification; None where it names no record type or no id of its own."""
    if isinstance(notification, SObject):
        return notification
    sobject = notification.find(f"{{{OUTBOUND}}}sObject")
    notification_id = _child(notification, "Id")
    if sobject is None or not notification_id:
        return None
    name = sobject.get(f"{{{INSTANCE}}}type", "").rpartition(":")[2]
    return SObject(notification_id, name, dict(_fields(sobject))) if name else None


def _fields(element: Element) -> Iterator[tuple[str, Any]]:
    for child in element:
        name = child.tag.rpartition("}")[2]
        if len(child):
            yield name, dict(_fields(child))
        else:
            yield name, child.text if child.text and child.get(f"{{{INSTANCE}}}nil") not in {"true", "1"} else None


def alone(message: Message, indexes: Sequence[int]) -> Iterator[bytes]:
    """An envelope with one notification, for each of these, without SessionId: what is kept of the misunderstood."""
    elements = list(_each(_notifications(_tree(message.body)))) if indexes else []
    for index in indexes:
        yield _alone(message, elements[index])


def _alone(message: Message, notification: Element) -> bytes:
    for element in notification.iter():
        if str(element.tag).rpartition("}")[2] == _MARK:
            element.clear()
    envelope = Element(f"{{{ENVELOPE}}}Envelope")
    outer = SubElement(SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{OUTBOUND}}}notifications")
    for name, text in (("OrganizationId", message.organization_id), ("ActionId", message.action_id)):
        SubElement(outer, f"{{{OUTBOUND}}}{name}").text = text
    _copy(notification, outer)
    kept: bytes = tostring(envelope, encoding="utf-8", xml_declaration=True)
    return kept


def _copy(element: Element, parent: Element) -> None:
    """An element under a parent whose parser was another: Python's elements and those written in C do not mix."""
    copy = SubElement(parent, element.tag, dict(element.attrib))
    copy.text, copy.tail = element.text, element.tail
    for child in element:
        _copy(child, copy)


def without_session(body: bytes) -> bytes:
    """The body with the text of every SessionId overwritten by spaces, however broken the rest of it is."""
    wide = (name for name in ("utf-16-le", "utf-16-be") if body.find(_MARK.encode(name)) % 2 == 0)
    encoding = next(wide, "latin-1")
    text = body.decode(encoding, "replace")  # latin-1 takes every byte, and gives it back
    return _SESSION.sub(_blanked, text).encode(encoding, "replace")


def _blanked(found: re.Match[str]) -> str:
    tag, text = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    return tag + " " * len(text)
