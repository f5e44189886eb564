"""Valid rows for the tests: name only the columns that matter."""

from typing import Any
from uuid import UUID, uuid4

from asyncpg import Record

from paintbox.databases import Connection


async def insert(connection: Connection, table: str, **values: object) -> Record:
    """Insert one row; the row as it was stored."""
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING *"
    row: Record | None = await connection.fetchrow(statement, *values.values())
    assert row is not None
    return row


async def a_customer(connection: Connection, **changes: object) -> Record:
    """A customer entered by hand."""
    values: dict[str, Any] = {"last_name": "King", "email": f"{uuid4().hex}@example.com", "account_type": "RESIDENTIAL"}
    return await insert(connection, "customers.customers", **values | changes)


async def a_project(connection: Connection, **changes: object) -> Record:
    """A project with every part that the schema asks for."""
    values: dict[str, Any] = {
        "customer_id": uuid4(),
        "name": "Fence",
        "type": "EXTERIOR_PAINTING",
        "service_street": "",
        "service_city": "",
        "service_state": "",
        "service_postal_code": "",
    }
    return await insert(connection, "projects.projects", **values | changes)


async def a_photo(connection: Connection, project_id: UUID, **changes: object) -> Record:
    """A photo of a project, captured now."""
    values: dict[str, Any] = {"project_id": project_id, "url": "https://img.example.com/1.jpg"}
    captured_at = await connection.fetchval("SELECT now()")
    return await insert(connection, "projects.project_photos", **values | {"captured_at": captured_at} | changes)
