"""The values of our topics: what a newer release adds to one is kept by whoever reads it and writes it again."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from synckit.contracts import values
from synckit.contracts.values import Contract, Keyed, Versioned

NOON: Final = "2026-01-02T12:00:00.000Z"
ID: Final = "8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c21"
ADDED: Final = {"added_by_a_newer_release": {"of": ["any", 7, None]}}

VALUES: Final[Mapping[type[Contract], dict[str, Any]]] = {
    values.Quarantined: {
        "source": "companycam",
        "received_at": NOON,
        "reason": "malformed_id",
        "pointer": "/payload/id",
        "body_base64": "eA==",
    },
    values.SyncRequest: {
        "service": "salesforce",
        "entity_type": "Contact",
        "ids": ["003A"],
        "reason": "gap_update",
        "requested_at": NOON,
        "cause": ID,
    },
    values.FederationKey: {
        "local_service": "projects",
        "local_table": "projects",
        "local_id": ID,
        "external_service": "customers",
        "external_table": "customers",
        "external_id": ID,
        "relationship_type": "one_to_many",
        "created_at": NOON,
        "source_version": 7,
        "deleted_at": None,
    },
    values.CustomerChanged: {
        "customer_id": ID,
        "salesforce_ids": ["003A", "001A"],
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "ann@example.com",
        "phone": None,
        "company": None,
        "service_street": None,
        "service_city": None,
        "service_state": None,
        "service_postal_code": None,
        "status": "ACTIVE",
        "account_type": "COMMERCIAL",
        "created_at": NOON,
        "merged_into": None,
        "deleted_at": None,
        "source_version": 7,
    },
    values.ProjectChanged: {
        "project_id": ID,
        "customer_id": ID,
        "company_cam_id": "1",
        "name": "Fence",
        "type": "MAINTENANCE",
        "status": "PLANNING",
        "created_at": NOON,
        "merged_into": None,
        "deleted_at": None,
        "source_version": 7,
    },
    values.EstimateChanged: {
        "estimate_id": ID,
        "customer_id": ID,
        "status": "DRAFT",
        "selected_tier": None,
        "good_price": "1.50",
        "better_price": None,
        "best_price": None,
        "created_at": NOON,
        "deleted_at": None,
        "source_version": 7,
    },
    values.ReferenceRow: {
        "table": "states",
        "code": "OR",
        "row": {"name": "Oregon"},
        "deleted_at": None,
        "source_version": 7,
    },
    values.OutboundNotification: {
        "organization_id": "00D",
        "action_id": "04k",
        "notification_id": "04l",
        "object": "Contact",
        "fields": {"Id": "003A"},
    },
    values.ApexRecord: {"object": "Contact", "new": {"Id": "003A"}, "old": None},
}


def kinds(kind: type[Contract]) -> Iterator[type[Contract]]:
    """Every value that is ours to define: what stands on a topic itself, and not what others are made of."""
    for one in kind.__subclasses__():
        yield from kinds(one)
        if one not in {Keyed, Versioned}:
            yield one


@pytest.mark.parametrize("kind", sorted(kinds(Contract), key=str))
def test_f11_what_a_newer_release_added_outlives_reading_and_writing(kind: type[Contract]) -> None:
    document = VALUES[kind] | ADDED

    again = json.loads(values.decode(kind, json.dumps(document).encode()).encoded())

    assert again == document
