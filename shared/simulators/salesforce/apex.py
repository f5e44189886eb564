"""Apex callouts: the JSON that triggers post. Salesforce has no standard for it; this is the widespread shape."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from simulators.records import Fields, Record
from simulators.salesforce.change_events import API_VERSION
from simulators.salesforce.definitions import USER_ID
from simulators.vendor import Change

LARGEST_TRIGGER: Final = 200
"""How many records a trigger is called with at once (Apex Developer Guide, Bulk Apex Triggers)."""

OPERATIONS: Final = {"create": "insert", "update": "update", "delete": "delete", "undelete": "undelete"}


def batches(changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
    """The changes as a trigger is called with them."""
    return (changes[start : start + LARGEST_TRIGGER] for start in range(0, len(changes), LARGEST_TRIGGER))


def body(changes: Sequence[Change]) -> bytes:
    """`new`, `old` and `userId`: `Trigger.new` has no records of a deletion, `Trigger.old` only those of others."""
    new = [_record(each.after) for each in changes if each.action != "delete"]
    old = [_record(each.before) for each in changes if each.before is not None and each.action != "undelete"]
    return orjson.dumps({"new": new, "old": old, "userId": USER_ID})


def _record(record: Record) -> Fields:
    url = f"/services/data/v{API_VERSION}/sobjects/{record.object}/{record.id}"
    return {"attributes": {"type": record.object, "url": url}, **record.fields}
