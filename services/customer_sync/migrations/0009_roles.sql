-- The group role of customer_sync, which login roles are made members of, with the rights that it uses and no others.
-- Nothing is granted by default privileges: a table that is added says itself who may use it.

-- Group roles belong to the whole cluster, and a migration of another database may be making this one right now.
DO $$
BEGIN
    IF to_regrole('paintbox_customer_sync') IS NULL THEN
        CREATE ROLE paintbox_customer_sync NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- it has been made meanwhile
END;
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO paintbox_customer_sync', current_database());
    IF to_regnamespace('public') IS NOT NULL THEN
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END IF;
END;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA customers FROM PUBLIC;

GRANT USAGE ON SCHEMA customers TO paintbox_customer_sync;

GRANT SELECT, INSERT, UPDATE ON
    customers.customers,
    customers.customer_sync_logs,
    customers.salesforce_users,
    customers.federation_keys,
    customers.salesforce_records,
    customers.estimate_facts,
    customers.project_facts
TO paintbox_customer_sync;
GRANT DELETE ON customers.federation_keys, customers.project_facts TO paintbox_customer_sync; -- what others erase

GRANT SELECT, INSERT, DELETE ON customers.projection_todo TO paintbox_customer_sync;
GRANT UPDATE (id) ON customers.projection_todo TO paintbox_customer_sync; -- SELECT FOR UPDATE asks for some UPDATE
GRANT SELECT, INSERT, DELETE ON customers.outbox_events TO paintbox_customer_sync;
GRANT SELECT, INSERT ON customers.outbox_refused TO paintbox_customer_sync;
GRANT SELECT ON customers.customer_summary TO paintbox_customer_sync;

GRANT EXECUTE ON FUNCTION
    customers.refresh_customer_summary(),
    customers.salesforce_id18(text),
    customers.validate_federation_references()
TO paintbox_customer_sync;
