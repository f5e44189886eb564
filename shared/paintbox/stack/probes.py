"""How a process of the stack is asked over HTTP what it says of itself."""

import ssl
from functools import cache

import httpx


def client(url: str, seconds: float) -> httpx.AsyncClient:
    """A client for this URL that asks no proxy.

    What answers in the clear is asked again and again until it is ready, many processes at once: no certificates are
    read for it, which would take 30 ms of a core each time.
    """
    trusted = True if url.startswith("https:") else _nobody()
    return httpx.AsyncClient(trust_env=False, timeout=seconds, verify=trusted)


@cache
def _nobody() -> ssl.SSLContext:
    """Trusts nobody: a connection that turns out to be encrypted fails."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
