-- The group role of photo_sync, which login roles are made members of, with the rights that it uses and no others.
-- Nothing is granted by default privileges: a table that is added says itself who may use it.

-- Group roles belong to the whole cluster, and a migration of another database may be making this one right now.
DO $$
BEGIN
    IF to_regrole('paintbox_photo_sync') IS NULL THEN
        CREATE ROLE paintbox_photo_sync NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- it has been made meanwhile
END;
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO paintbox_photo_sync', current_database());
    IF to_regnamespace('public') IS NOT NULL THEN
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END IF;
END;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA projects FROM PUBLIC;

GRANT USAGE ON SCHEMA projects TO paintbox_photo_sync;

GRANT SELECT, INSERT, UPDATE ON
    projects.projects,
    projects.project_photos,
    projects.federation_keys,
    projects.companycam_records,
    projects.customer_refs,
    projects.customer_matches
TO paintbox_photo_sync;
GRANT DELETE ON projects.customer_refs, projects.customer_matches TO paintbox_photo_sync; -- erased; no longer waiting

GRANT SELECT, INSERT, DELETE ON projects.projection_todo TO paintbox_photo_sync;
GRANT UPDATE (id) ON projects.projection_todo TO paintbox_photo_sync; -- SELECT FOR UPDATE asks for some UPDATE
GRANT SELECT, INSERT, DELETE ON projects.outbox_events TO paintbox_photo_sync;
GRANT SELECT, INSERT ON projects.outbox_refused TO paintbox_photo_sync;

GRANT EXECUTE ON FUNCTION projects.validate_federation_references() TO paintbox_photo_sync;
