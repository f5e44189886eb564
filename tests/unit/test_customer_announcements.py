"""What customer_sync publishes of a row is what the contract's model writes of it."""

import json
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from customer_sync.rules import announcements
from support.facts import NOON_MS
from synckit.contracts.values import GREATEST_VERSION, CustomerChanged
from synckit.mirror.facts import Cause
from synckit.postgres import Row

CAUSE = Cause(event_id=UUID(int=1), correlation_id=UUID(int=2), traceparent="", received_at=NOON_MS)
TEXTS = ("first_name", "last_name", "email", "phone", "company", "service_street", "service_city", "service_state")
OTHERS = ("service_postal_code", "status", "account_type")

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
moment = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - limits


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row as `store.upsert_customers` returns it."""
    return {
        "id": draw(st.uuids()),
        "salesforce_id": draw(st.none() | text),
        "salesforce_account_id": draw(st.none() | text),
        **{name: draw(text) for name in (*TEXTS, *OTHERS)},
        "email": draw(st.none() | text),
        "created_at": draw(moment),
        "merged_into": draw(st.none() | st.uuids()),
        "deleted_at": draw(st.none() | moment),
        "source_version": draw(st.integers(0, GREATEST_VERSION)),
    }


@given(rows())
def test_a_customer_is_announced_as_its_contract_writes_it(row: dict[str, Any]) -> None:
    ids = tuple(one for one in (row["salesforce_id"], row["salesforce_account_id"]) if one)
    columns = {name: row[name] for name in CustomerChanged.model_fields.keys() - {"customer_id", "salesforce_ids"}}
    modelled = CustomerChanged(customer_id=row["id"], salesforce_ids=ids, **columns)

    announced = announcements.customer_changed(cast("Row", row), CAUSE)

    assert announced.key == modelled.key
    assert announced.value is not None
    assert json.loads(announced.value) == json.loads(modelled.encoded())
