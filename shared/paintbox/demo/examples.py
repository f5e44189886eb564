"""Three rows of a run that a person can read: a customer, a project of theirs, a photo of it."""

from dataclasses import dataclass

from paintbox.demo.proof import Rows
from paintbox.world.expected import Row


@dataclass(frozen=True, slots=True)
class Example:
    """A row in words."""

    what: str
    record: str
    """The vendor's id."""
    text: str


def choose(rows: Rows) -> list[Example]:
    """A telling photo, its project and the project's customer; none where no photo has both.

    Telling: of a project that goes on, of a customer of whom most is known, described, with tags.
    """
    customers = {row["id"]: row for row in rows.customers.values()}
    projects = {row["id"]: row for row in rows.projects.values() if row["customer_id"] in customers}
    photos = [row for row in rows.photos.values() if row["project_id"] in projects]
    if not photos:
        return []

    def worth(photo: Row) -> tuple[bool, bool, bool, bool, str]:
        project = projects[photo["project_id"]]
        customer = customers[project["customer_id"]]
        return (
            project["status"] == "PLANNING" and not customer["is_deleted"],
            None not in (customer["company"], customer["email"], customer["mailing_street"]),
            bool(photo["description"]),
            bool(photo["tags"]),
            photo["company_cam_id"],
        )

    photo = max(photos, key=worth)
    project = projects[photo["project_id"]]
    customer = customers[project["customer_id"]]
    return [_customer(customer), _project(project, customer), _photo(photo)]


def _customer(row: Row) -> Example:
    company = f" of {row['company']}" if row["company"] else ""
    text = f"{_name(row)}{company}, {row['email'] or row['phone']}, {_address(row, 'mailing')}"
    return Example("customer", row["salesforce_id"], f"{text} ({row['status']}, {row['account_type']})")


def _project(row: Row, customer: Row) -> Example:
    text = f"{row['name']}, {_address(row, 'service')} ({row['status']}, {row['photo_count']} photos)"
    return Example("project", row["company_cam_id"], f"{text}, for {_name(customer)}")


def _photo(row: Row) -> Example:
    tags = f" [{', '.join(row['tags'])}]" if row["tags"] else ""
    text = f"{row['description'] or 'no description'}{tags}, taken {row['captured_at']:%Y-%m-%d %H:%M} UTC"
    return Example("photo", row["company_cam_id"], f"{text}, {row['url']}")


def _name(customer: Row) -> str:
    return f"{customer['first_name']} {customer['last_name']}".strip()


def _address(row: Row, prefix: str) -> str:
    street, city, state, postal_code = (row[f"{prefix}_{part}"] for part in ("street", "city", "state", "postal_code"))
    return f"{street}, {city}, {state} {postal_code}" if street else "no address"
