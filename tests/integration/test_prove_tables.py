"""What the proof reads of the tables leaves no row out."""

import pytest

from paintbox.databases import Connection
from paintbox.prove import tables

pytestmark = pytest.mark.database


async def test_rows_that_were_written_without_a_version_are_to_be_published_as_well(
    customers: Connection, projects: Connection
) -> None:
    await customers.execute(
        "INSERT INTO customers.customers (last_name, email, account_type) VALUES ('Me', 'a@b.example', 'RESIDENTIAL')"
    )
    await projects.execute(
        """
        INSERT INTO projects.projects
               (customer_id, name, type, service_street, service_city, service_state, service_postal_code)
        SELECT gen_random_uuid(), 'Typed', min(type), '', '', '', ''
          FROM unnest(enum_range(NULL::projects.project_type_enum)) AS type
        """
    )

    read = [*await tables.published_customers(customers), *await tables.published_projects(projects)]

    assert [one.version for one in read] == [0, 0]
