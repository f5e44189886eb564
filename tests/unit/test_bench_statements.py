"""What statements are called where `paintbox bench` says what they cost."""

import pytest

from paintbox.bench.statement_costs import kind


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WITH x AS (SELECT 1) INSERT INTO customers.customers AS stored (id) SELECT $1", "write customers.customers"),
        (
            "WITH u AS (UPDATE a.b AS s SET x = 1), i AS (INSERT INTO a.b (x) SELECT 1 FOR UPDATE) INSERT INTO a.c",
            "update and write a.b",
        ),
        ("INSERT INTO a.b (x) SELECT 1 ON CONFLICT (x) DO UPDATE SET x = 2", "write a.b"),
        ("UPDATE integrations.webhook_events SET x = $1", "update integrations.webhook_events"),
        ("DELETE FROM customers.outbox_events WHERE seq = ANY($1)", "delete from customers.outbox_events"),
        ("SELECT id\n  FROM customers.salesforce_records\n FOR UPDATE", "lock and read customers.salesforce_records"),
        ("SELECT id FROM f($1) JOIN customers.customers AS stored USING (id)", "read customers.customers"),
        ("SELECT id FROM customers.customers WHERE id = $1", "read customers.customers"),
        ("COMMIT", "commit"),
    ],
)
def test_a_statement_is_called_by_what_it_does_to_which_table(text: str, name: str) -> None:
    assert kind(text) == name
