-- The group roles of the processes that share this database, which login roles are made members of, each with the
-- rights that it uses and no others. Nothing is granted by default privileges: a table that is added says itself who
-- may use it.

-- Group roles belong to the whole cluster, and a migration of another database may be making one of them right now:
-- made in the order of their names, so that two migrations wait for each other in one direction only.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'paintbox_customer_sync', 'paintbox_photo_sync', 'paintbox_webhook_ingest', 'paintbox_webhook_log'
    ] LOOP
        BEGIN
            IF to_regrole(role_name) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- it has been made meanwhile
        END;
    END LOOP;
END;
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I
            TO paintbox_customer_sync, paintbox_photo_sync, paintbox_webhook_ingest, paintbox_webhook_log',
        current_database()
    );
    IF to_regnamespace('public') IS NOT NULL THEN
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END IF;
END;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA integrations FROM PUBLIC;

GRANT USAGE ON SCHEMA integrations
    TO paintbox_customer_sync, paintbox_photo_sync, paintbox_webhook_ingest, paintbox_webhook_log;

-- The owners of a vendor's records: the event, what became of it, the cache, the configuration.
GRANT SELECT, INSERT, UPDATE ON
    integrations.webhook_events,
    integrations.sync_logs,
    integrations.external_entity_cache,
    integrations.parked_records
TO paintbox_customer_sync, paintbox_photo_sync;
GRANT SELECT, INSERT ON integrations.webhook_event_keys TO paintbox_customer_sync, paintbox_photo_sync;
GRANT SELECT ON integrations.integration_configs TO paintbox_customer_sync, paintbox_photo_sync;

-- The webhook log: every event, and the spool, which it empties. Locking a row asks for the right to update some
-- column of it; seq is always generated, so with this one it can lock and change nothing.
GRANT SELECT, INSERT, UPDATE ON integrations.webhook_events, integrations.parked_records TO paintbox_webhook_log;
GRANT SELECT, INSERT ON integrations.webhook_event_keys TO paintbox_webhook_log;
GRANT SELECT, DELETE ON integrations.webhook_spool TO paintbox_webhook_log;
GRANT UPDATE (seq) ON integrations.webhook_spool TO paintbox_webhook_log;

-- The doors.
GRANT INSERT ON integrations.webhook_spool TO paintbox_webhook_ingest;
