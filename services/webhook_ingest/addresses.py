"""Who sends: the address behind our own proxies, and how much each address may send."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_ADDRESSES: Final = 10_000
LONGEST_ADDRESS: Final = 100
"""Characters: an address may name a zone of any length, and what is parsed is remembered."""
SUBSCRIBER_BITS: Final = 64
"""Whoever has one IPv6 address has the whole /64."""


def sender_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The address of the sender: the peer's, or the last of `X-Forwarded-For` that is no trusted proxy's.

    A header of a stranger is never believed; of what a trusted proxy says, only as far as trusted proxies wrote it.
    """
    sender = peer
    for hop in [peer, *reversed(forwarded.split(","))]:
        text = hop.strip()
        address = parse(text)
        if address is None:
            break
        sender = text
        if not any(address in network for network in trusted):
            break
    return sender


def parse(text: str) -> Address | None:
    """The address in a text; None where it is none, or longer than 100 characters."""
    return _parsed(text) if len(text) <= LONGEST_ADDRESS else None


def normal(text: str) -> str | None:
    """The address in a text as it is written everywhere; None where `parse` finds none."""
    return _normal(text) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=MOST_ADDRESSES)
def _normal(text: str) -> str | None:
    address = _parsed(text)
    return None if address is None else str(address)


@lru_cache(maxsize=MOST_ADDRESSES)
def _parsed(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


class AddressLimit:
    """A bucket of tokens an address, which fills with so many a second and holds two seconds' worth.

    At most 10,000 addresses are remembered: beyond, the one that was silent longest is forgotten. 0 is no limit.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._holds = max(2 * per_second, 1.0)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, address: str, now: float) -> bool:
        """Whether one more request of this address is within its limit, at a time in seconds."""
        if not self._per_second:
            return True
        name = _subscriber(address)
        tokens, since = self._buckets.pop(name, (self._holds, now))
        tokens = min(self._holds, tokens + (now - since) * self._per_second)
        is_admitted = tokens >= 1
        self._buckets[name] = (tokens - 1 if is_admitted else tokens, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return is_admitted


def _subscriber(address: str) -> str:
    parsed = parse(address) if ":" in address else None
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((int(parsed), SUBSCRIBER_BITS), strict=False))
