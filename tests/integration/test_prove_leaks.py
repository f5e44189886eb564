"""The bad requests of the proof at a real door: it reads what its vendors send, takes none of it, quotes nothing."""

from pathlib import Path
from typing import Final

import pytest

from paintbox.databases import Connection
from paintbox.prove import bad_requests, leaks
from paintbox.prove.checks.secret import Canary
from support.programs import running
from synckit.contracts.topics import WEBHOOKS_QUARANTINED

pytestmark = pytest.mark.database

SECRET: Final = "a-secret-of-more-than-thirty-two-bytes"
CANARIES: Final = (Canary("a secret", SECRET), Canary("a name", "Quillfeather"), Canary("a mail", "@example.com"))


async def test_a_door_sets_aside_what_its_vendors_sent_and_quotes_none_of_it(
    tmp_path: Path, dsn: str, session: Connection
) -> None:
    known = dict.fromkeys(bad_requests.NAMES, SECRET) | {"PAINTBOX_SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC"}
    settings = {name.removeprefix("PAINTBOX_"): value for name, value in known.items()}
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "INTEGRATIONS_DSN": dsn}
    with running("webhook_ingest", tmp_path, **settings, **nowhere) as door:
        await door.is_ready()
        found = await leaks.answers(known, {"door": door.url}, CANARIES)
        measured = await leaks.metrics({"door": door.url})

    looked, seen = leaks.search(CANARIES, [found, measured, leaks.logs(tmp_path)])
    assert [place for place, size in looked.items() if size is None] == []
    assert seen == []
    topics = await session.fetch(
        "SELECT topic, count(DISTINCT event_id) FROM integrations.webhook_spool GROUP BY topic"
    )
    sent = {
        (bad.name.partition(":")[0], bad.body)
        for bad in bad_requests.of_every_kind(known, CANARIES)
        if bad.is_authenticated
    }
    assert {row["topic"]: row["count"] for row in topics} == {WEBHOOKS_QUARANTINED.name: len(sent)}
