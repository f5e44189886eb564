"""How to look further after a run, in lines that a shell takes as they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Final

from paintbox.demo.examples import Example

_ROWS: Final = """\
# the names that the lines below use
set -a; . <environment>; set +a
<path>
# this run's rows
psql "$PAINTBOX_CUSTOMERS_DSN" -c "SELECT first_name, last_name, company, status
  FROM customers.customers WHERE email ILIKE '%.<tag>.%' LIMIT 5"
psql "$PAINTBOX_PROJECTS_DSN" -c "SELECT name, status, photo_count
  FROM projects.projects WHERE name LIKE '%<tag>%' ORDER BY photo_count DESC LIMIT 5"
"""
_RECORDS: Final = """
# a contact at the simulated Salesforce, a change of it, what was delivered because of that, and the row
curl -s "$PAINTBOX_SALESFORCE_URL/_simulator/records/Contact/<customer>"; echo
curl -sX PATCH "$PAINTBOX_SALESFORCE_URL/_simulator/records/Contact/<customer>" -d '{"LastName": "Lovelace"}'; echo
curl -s "$PAINTBOX_SALESFORCE_URL/_simulator/deliveries?record=<customer>"; echo
psql "$PAINTBOX_CUSTOMERS_DSN" -c "SELECT first_name, last_name, last_sync_at
  FROM customers.customers WHERE salesforce_id = '<customer>'"

# a webhook of CompanyCam, signed by hand, and the row that it changes
now=$(date +%s)
body='{"event_type": "project.updated", "created_at": '$now', "webhook_id": 1,
  "payload": {"project": {"id": "<project>", "updated_at": '$now', "notepad": "Written by hand."}}}'
signature=$(printf %s "$body" | openssl dgst -sha1 -hmac "${PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS%%,*}" -binary | base64)
curl -s "$PAINTBOX_INGEST_URL/webhooks/companycam" -H "X-CompanyCam-Signature: $signature" --data-binary "$body"; echo
psql "$PAINTBOX_PROJECTS_DSN" -c "SELECT name, notes FROM projects.projects WHERE company_cam_id = '<project>'"
"""
_STACK: Final = """
# what runs and how far behind it is; stop it, and its data stays; stop it and remove its data
.venv/bin/paintbox status<directory>
<down>
<clean>
"""


def text(
    tag: str, examples: Sequence[Example], environment: Path, directory: Path | None, programs: Path | None
) -> str:
    """Commands, and what each is for; about the example records, where there are any.

    `environment` is the file with the stack's names; `directory` is where the stack lies, None for the usual place;
    `programs` is where psql is, None where a shell finds it.
    """
    option = "" if directory is None else f" --directory {quote(str(directory))}"
    values = {
        "tag": tag,
        "environment": quote(str(environment)),
        "path": "" if programs is None else f'PATH="$PATH:"{quote(str(programs))}\n',
        "directory": option,
        **{name: f".venv/bin/paintbox {name}{option}" if option else f"make {name}" for name in ("down", "clean")},
        **{example.what: example.record for example in examples},
    }
    return _filled(_ROWS + (_RECORDS if examples else "") + _STACK, values)


def _filled(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"<{name}>", value)
    return template
