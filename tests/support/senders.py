"""The vendors' side of the doors: bodies signed as the vendors sign them."""

import base64
import hmac
import time
from hashlib import sha1, sha256


def companycam_headers(body: bytes, token: str) -> dict[str, str]:
    """What CompanyCam sends with a body."""
    return {"X-CompanyCam-Signature": base64.b64encode(hmac.digest(token.encode(), body, sha1)).decode()}


def salesforce_headers(body: bytes, secret: str, timestamp: int | None = None) -> dict[str, str]:
    """What a sender of Salesforce's JSON sends with a body, signed now or at another time."""
    moment = str(int(time.time()) if timestamp is None else timestamp)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    return {"X-Salesforce-Timestamp": moment, "X-Salesforce-Signature": f"sha256={digest}"}
