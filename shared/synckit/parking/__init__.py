"""Records that can never work as they are, kept with bytes, headers and reason, and put through again on demand."""

from synckit.parking.compacted import in_order, settle
from synckit.parking.records import confirm, park
from synckit.parking.redrive import Redrive

__all__ = ["Redrive", "confirm", "in_order", "park", "settle"]
