"""How the JSON deliveries show that they are ours to send: a signature, a bearer token, both, or nothing.

Salesforce has no signature of its own; these headers are the ones that Paintbox's door asks for.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

TIMESTAMP: Final = "X-Salesforce-Timestamp"
SIGNATURE: Final = "X-Salesforce-Signature"
ENCODED: Final = "base64:"


def key_of(secret: str) -> bytes:
    """The key of a secret: its UTF-8 bytes, or what follows `base64:` decoded; ValueError where that is no Base64."""
    if not secret.startswith(ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(ENCODED), validate=True)
    except binascii.Error:
        raise ValueError("is not Base64 after base64:") from None


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of the timestamp (Unix seconds), a dot and the body."""
    signed = b"%d.%b" % (timestamp, body)
    return f"sha256={hmac.new(key_of(secret), signed, hashlib.sha256).hexdigest()}"


def headers(secret: str | None, bearer: str | None, now: float, body: bytes) -> dict[str, str]:
    """The headers of a JSON delivery that is sent now (seconds since 1970)."""
    found = {"Content-Type": "application/json; charset=utf-8"}
    if secret is not None:
        found |= {TIMESTAMP: str(int(now)), SIGNATURE: signature(secret, int(now), body)}
    if bearer is not None:
        found["Authorization"] = f"Bearer {bearer}"
    return found
