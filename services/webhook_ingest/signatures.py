"""Who signed a body. Every live secret is tried, each in constant time; no exception leaves for any input."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final

from pydantic import SecretStr

WINDOW_SECONDS: Final = 300
LONGEST_TIMESTAMP: Final = 15
"""Digits. Python refuses to read thousands of them, and no time of ours has more."""
SALESFORCE_PREFIX: Final = "sha256="
BASE64_PREFIX: Final = "base64:"


def companycam_signed(signature: str, body: bytes, tokens: Sequence[SecretStr]) -> bool:
    """Whether one of the tokens made this `X-CompanyCam-Signature`: base64 of HMAC-SHA1 over the raw body.

    https://docs.companycam.com/docs/webhooks-1; SHA-1 is the vendor's choice.
    """
    made = [binascii.b2a_base64(hmac.digest(key, body, "sha1"), newline=False) for key in _keys(tuple(tokens))]
    return _one_matches(signature, made)


def salesforce_signed(signature: str, timestamp: str, body: bytes, secrets: Sequence[SecretStr]) -> bool:
    """Whether one of the secrets made this `X-Salesforce-Signature`: `sha256=<hex>` over timestamp, ".", raw body.

    A secret that starts with `base64:` is decoded first. The names of these headers are ours: Salesforce has none.
    """
    message = timestamp.encode() + b"." + body
    made = [
        SALESFORCE_PREFIX.encode() + hmac.new(key(secret), message, sha256).hexdigest().encode() for secret in secrets
    ]
    return _one_matches(signature, made)


def is_fresh(timestamp: str, now: float) -> bool:
    """Whether a signed timestamp, in Unix seconds, is within five minutes of now."""
    signed_at = milliseconds(timestamp)
    return signed_at is not None and abs(now - signed_at / 1000) <= WINDOW_SECONDS


def milliseconds(timestamp: str) -> int | None:
    """The moment of a signed timestamp, in milliseconds since 1970; None for what is no number of seconds."""
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > LONGEST_TIMESTAMP:
        return None
    return int(timestamp) * 1000


def _one_matches(given: str, made: Sequence[bytes]) -> bool:
    sent = given.encode("latin-1", "replace")
    matches = [hmac.compare_digest(sent, one) for one in made]
    return any(matches)


def key(secret: SecretStr) -> bytes:
    """The key of a secret of Salesforce's; ValueError for no base64 after `base64:`, which settings let nobody give."""
    text = secret.get_secret_value()
    if not text.startswith(BASE64_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(BASE64_PREFIX), validate=True)
    except ValueError:
        raise ValueError("is no base64 after base64:") from None


@lru_cache(maxsize=4)
def _keys(tokens: tuple[SecretStr, ...]) -> list[bytes]:
    return [token.get_secret_value().encode() for token in tokens]
