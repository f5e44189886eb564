"""CompanyCam, put together."""

from typing import Final

from simulators.companycam import labels, records, store, subscriptions, webhooks
from simulators.companycam.shapes import numbered_id
from simulators.records import Fields, Record
from simulators.storage import Connection
from simulators.vendor import Action, Attachments, Vendor

_PROJECTS: Final = frozenset({"projects"})


def _attachments(name: str, object_name: str) -> Attachments:
    def listed(connection: Connection, record: Record) -> list[Fields]:
        return store.list_tags(connection, name, record.id)

    def attach(connection: Connection, record: Record, fields: Fields, moment: int) -> tuple[Fields, bool]:
        return labels.attach(connection, name, record, fields, moment)

    return Attachments(object_name, listed, attach)


COMPANYCAM: Final = Vendor(
    name="companycam",
    schema=store.SCHEMA,
    id_field="id",
    forms=(webhooks.FORM,),
    actions={"archive": Action(_PROJECTS, records.archive), "restore": Action(_PROJECTS, records.restore)},
    attachments={"labels": _attachments("labels", "projects"), "tags": _attachments("tags", "photos")},
    is_known=records.is_known,
    parse_id=records.parse_id,
    make_id=numbered_id,
    create=records.create,
    change=records.change,
    replace=records.replace,
    delete=records.delete,
    show=records.show,
    announce=webhooks.announce,
    subscribe=subscriptions.subscribe,
    describe=subscriptions.describe_with_errors,
)
