"""What `paintbox status` says of stopped consumers and of deliveries that nobody understood."""

import pytest

from paintbox.databases import Database
from paintbox.status import text
from paintbox.status.report import Status, as_document
from paintbox.status.rows import SetAside, waiting
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database


async def test_an_alarm_is_shown_until_somebody_clears_it(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.INTEGRATIONS)
    connection = await connect(dsn)
    await connection.execute(
        """
        INSERT INTO integrations.consumer_alarms (consumer, topic, records, parked)
        VALUES ('photo-sync', 't', 200, 150)
        """
    )

    raised = Status(parts=[], databases={Database.INTEGRATIONS: await waiting(dsn, Database.INTEGRATIONS)})
    await connection.execute("UPDATE integrations.consumer_alarms SET cleared_at = now()")
    cleared = await waiting(dsn, Database.INTEGRATIONS)

    said = [line for line, style in text.lines(raised, " --directory 'a b'") if style == "red"]
    assert len(said) == 1
    assert "photo-sync stopped reading t" in said[0]
    assert said[0].endswith("paintbox parked resume --consumer photo-sync --topic t --directory 'a b'")
    assert [one["topic"] for one in as_document(raised)["alarms"]] == ["t"]
    assert cleared.set_aside is not None
    assert cleared.set_aside.alarms == ()


async def test_a_delivery_that_was_dropped_is_no_longer_counted(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.INTEGRATIONS)
    connection = await connect(dsn)
    await connection.execute(
        """
        WITH event AS (
            INSERT INTO integrations.webhook_events (id, service, event_type, payload, status, error_message)
            VALUES (gen_random_uuid(), 'SALESFORCE', 'quarantined', '{}', 'FAILED', 'quarantined: not_json')
            RETURNING id, received_at
        )
        INSERT INTO integrations.quarantine_decisions (event_id, received_at, dropped_at)
        SELECT id, received_at, now() FROM event
        """
    )

    found = await waiting(dsn, Database.INTEGRATIONS)

    assert found.set_aside == SetAside(quarantined=0, parked={})


async def test_webhooks_that_nobody_has_worked_on_for_an_hour_are_shown(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.INTEGRATIONS)
    connection = await connect(dsn)
    await connection.execute(
        """
        INSERT INTO integrations.webhook_events (id, service, event_type, payload, status, received_at)
        SELECT gen_random_uuid(), 'SALESFORCE', 'x', '{}', status::integrations.webhook_status_enum, now() - old
          FROM (VALUES ('RECEIVED', interval '61 minutes'), ('RECEIVED', interval '2 days'),
                       ('RECEIVED', interval '59 minutes'), ('PROCESSED', interval '2 days')) AS events (status, old)
        """
    )

    found = Status(parts=[], databases={Database.INTEGRATIONS: await waiting(dsn, Database.INTEGRATIONS)})

    assert ("received more than an hour ago, and nobody has worked on them: 2 webhooks", "yellow") in text.lines(found)
    assert as_document(found)["unfinished"] == 2


async def test_rows_that_a_database_refuses_are_shown_by_what_they_are_of(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.PROJECTS)
    connection = await connect(dsn)
    none = await waiting(dsn, Database.PROJECTS)
    await connection.execute(
        """
        INSERT INTO projects.projection_refused (object, id, cause, reason)
        VALUES ('project', '1', '{}', 'r'), ('photo', '1', '{}', 'r'), ('photo', '2', '{}', 'r')
        """
    )

    found = Status(parts=[], databases={Database.PROJECTS: await waiting(dsn, Database.PROJECTS)})

    assert none.refused == {}
    assert as_document(found)["refused"] == {Database.PROJECTS: {"photo": 2, "project": 1}}
    assert [line for line, style in text.lines(found) if style == "red"] == [
        "refused by projects: 2 rows of photo records, tried again once a minute",
        "refused by projects: 1 rows of project records, tried again once a minute",
    ]
