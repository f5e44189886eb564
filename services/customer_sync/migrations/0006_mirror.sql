-- What Salesforce said, merged field by field, whatever channel it came by. A field that has no entry in versions and
-- stands in fields has base_version.

CREATE TABLE customers.salesforce_records (
    object        text NOT NULL,
    id            text NOT NULL,
    fields        jsonb NOT NULL DEFAULT '{}',
    base_version  bigint NOT NULL DEFAULT 0,
    versions      jsonb NOT NULL DEFAULT '{}',
    parent_id     text,
    is_deleted    boolean NOT NULL DEFAULT false,
    merged_into   text,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    last_event_id uuid,

    PRIMARY KEY (object, id),
    CONSTRAINT salesforce_records_have_a_key CHECK (object <> '' AND id <> ''),
    CONSTRAINT salesforce_records_fields_are_objects CHECK (
        jsonb_typeof(fields) = 'object' AND jsonb_typeof(versions) = 'object'
    )
) WITH (fillfactor = 80); -- rewritten by every delivery: room for the new row on the same page

CREATE INDEX idx_salesforce_records_parent ON customers.salesforce_records (object, parent_id, id)
    WHERE parent_id IS NOT NULL;

-- What a batch touched and is not projected yet. A queue: nearly empty, and vacuumed by count, since 20 % of nothing
-- says nothing.
CREATE TABLE customers.projection_todo (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object     text NOT NULL,
    ids        text[] NOT NULL,
    causes     jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT projection_todo_names_an_object CHECK (object <> '')
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
