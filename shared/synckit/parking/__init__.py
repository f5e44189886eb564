"""Records that can never work as they are, kept with bytes, headers and reason, and put through again on demand."""

from synckit.parking.records import park, settle
from synckit.parking.redrive import Redrive

__all__ = ["Redrive", "park", "settle"]
