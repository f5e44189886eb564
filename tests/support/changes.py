"""Change events of Salesforce, as its JSON door takes them."""

from typing import Any
from uuid import uuid4

from support import samples
from support.samples import ACME, DOUGLAS


def change(second: int, kind: str = "UPDATE", /, entity: str = "Contact", record: str = "", **fields: Any) -> bytes:
    """A change event of Douglas, of his account, or of another, so many seconds after the samples' first."""
    header = samples.document("change_event_contact_update.json")["ChangeEventHeader"]
    header |= {
        "entityName": entity,
        "changeType": kind,
        "commitTimestamp": 1_767_348_000_000 + second * 1000,
        "transactionKey": str(uuid4()),
        "recordIds": [record or (DOUGLAS if entity == "Contact" else ACME)],
    }
    return samples.dumped({"ChangeEventHeader": header, **fields})
