"""A change, from the request for it to the deliveries that it makes: stamped, stored and queued in one transaction."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from simulators import clock, deliveries, faults, records, subscriptions
from simulators.deliveries import Queued
from simulators.records import Fields, Record
from simulators.resources import Resources
from simulators.storage import take_numbers, transaction
from simulators.vendor import Change, InvalidInputError


class UnknownRecordError(Exception):
    """There is no such record."""


class ConflictError(Exception):
    """The state of the records does not allow it; the text says why."""


def create(resources: Resources, object_name: str, given: Sequence[Fields]) -> list[Record]:
    """Makes these records at one moment, all or none.

    Raises ConflictError where an id is taken, InvalidInputError where the vendor would not take the fields.
    """
    moment = clock.now_ms(resources.connection)
    with transaction(resources.connection):
        ids = _new_ids(resources, object_name, given)
        made = [
            resources.vendor.create(object_name, record_id, fields, moment)
            for record_id, fields in zip(ids, given, strict=True)
        ]
        queued = _store(resources, [Change("create", None, each) for each in made], moment)
    resources.sender.add(queued)
    return made


async def apply(
    resources: Resources, object_name: str, ids: Sequence[str], action: str, change: Callable[[Record, int], Record]
) -> list[Record]:
    """Does the same to each of these records at one moment, all or none, in a second that none of them has carried.

    A record that `change` gives back as it is stays as it is, and nobody is told. Raises UnknownRecordError, and what
    `change` raises.
    """
    moment = await _moment(resources, object_name, ids)
    with transaction(resources.connection):
        before = _get_records(resources, object_name, ids)
        changes = [Change(action, each, change(each, moment)) for each in before]
        queued = _store(resources, [each for each in changes if each.after is not each.before], moment)
    resources.sender.add(queued)
    return [each.after for each in changes]


async def attach(resources: Resources, name: str, record_id: str, given: Fields) -> tuple[Fields, bool]:
    """Puts a label or a tag on a record, once; what it is, and whether it is new there (else nobody is told).

    Raises UnknownRecordError, ConflictError where the record is deleted, InvalidInputError.
    """
    attachments = resources.vendor.attachments[name]
    moment = await _moment(resources, attachments.object, [record_id])
    with transaction(resources.connection):
        (record,) = _get_records(resources, attachments.object, [record_id])
        refuse_deleted(record)
        attached, is_new = attachments.attach(resources.connection, record, given, moment)
        after = replace(record, stamped=moment // 1000)
        queued = _store(resources, [Change(name, record, after, attached)] if is_new else [], moment)
    resources.sender.add(queued)
    return attached, is_new


def find_record(resources: Resources, object_name: str, record_id: str) -> Record:
    """The record; UnknownRecordError where there is none."""
    (record,) = _get_records(resources, object_name, [record_id])
    return record


def refuse_deleted(record: Record) -> None:
    """ConflictError where the record is deleted."""
    if record.deleted:
        raise ConflictError("The record is deleted.")


def _get_records(resources: Resources, object_name: str, ids: Sequence[str]) -> list[Record]:
    found = records.find_records(resources.connection, object_name, ids)
    if len(found) < len(ids):
        raise UnknownRecordError
    return [found[each] for each in ids]


async def _moment(resources: Resources, object_name: str, ids: Sequence[str]) -> int:
    def taken() -> set[int]:
        if faults.find_faults(resources.connection).same_second:
            return set()
        return records.list_seconds(resources.connection, object_name, ids)

    return await clock.moment_outside(resources.connection, taken)


def _new_ids(resources: Resources, object_name: str, given: Sequence[Fields]) -> list[str]:
    """The ids that were given, and made ones for the rest."""
    chosen = [fields.get(resources.vendor.id_field) for fields in given]
    asked = [resources.vendor.parse_id(each) for each in chosen if each is not None]
    if len(set(asked)) < len(asked):
        raise InvalidInputError("Two of the records have the same id.")
    if records.find_records(resources.connection, object_name, asked):
        raise ConflictError("A record with that id exists.")
    made = iter(_made_ids(resources, object_name, len(given) - len(asked), set(asked)))
    parsed = iter(asked)
    return [next(made if each is None else parsed) for each in chosen]


def _made_ids(resources: Resources, object_name: str, count: int, asked: set[str]) -> list[str]:
    """So many ids that no record has: a number whose id somebody chose is left out."""
    made: list[str] = []
    while missing := count - len(made):
        numbers = take_numbers(resources.connection, f"records/{object_name}", missing)
        ids = [resources.vendor.make_id(object_name, number) for number in numbers]
        used = asked.union(records.find_records(resources.connection, object_name, ids))
        made += [each for each in ids if each not in used]
    return made


def _store(resources: Resources, changes: Sequence[Change], moment: int) -> list[Queued]:
    connection = resources.connection
    records.upsert_records(connection, [each.after for each in changes])
    told = [each for each in subscriptions.list_subscriptions(connection) if each.enabled]
    messages = resources.vendor.announce(connection, changes, told, moment)
    fates = faults.draw_fates(connection, faults.find_faults(connection), len(messages))
    return deliveries.insert_deliveries(connection, zip(messages, fates, strict=True), time.time())
