"""Labels of projects and tags of photos: display strings that the company keeps once, made on the fly."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from simulators import given
from simulators.companycam import store
from simulators.companycam.shapes import COMPANY_ID, numbered_id
from simulators.records import Fields, Record
from simulators.storage import Connection, take_numbers


class Wanted(BaseModel):
    """The label or tag to put on a record."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    display_value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def attach(connection: Connection, kind: str, record: Record, fields: Fields, moment: int) -> tuple[Fields, bool]:
    """Puts a label or tag on the record at this moment (ms); what it is, and whether it is new there."""
    wanted = given.parse(Wanted, fields)
    tag = store.find_tag(connection, kind, wanted.display_value.lower())
    if tag is None:
        tag = _made(connection, kind, wanted, moment // 1000)
        store.insert_tag(connection, kind, tag)
    return tag, store.insert_attachment(connection, tag, record.id)


def _made(connection: Connection, kind: str, wanted: Wanted, second: int) -> Fields:
    (number,) = take_numbers(connection, f"tags/{kind}")
    tag: Fields = {
        "id": numbered_id(kind, number),
        "company_id": COMPANY_ID,
        "display_value": wanted.display_value,
        "value": wanted.display_value.lower(),
        "created_at": second,
        "updated_at": second,
    }
    return {**tag, "tag_type": "project"} if kind == "labels" else tag
