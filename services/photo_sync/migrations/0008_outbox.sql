-- What is to be published, written in the transaction of the change that it tells. The relay sends the rows that it
-- sees in seq order and deletes them: it remembers no position, which would skip a row whose transaction was still
-- open. CACHE 1, or a session would draw numbers ahead and a later change could stand before an earlier one.

CREATE TABLE projects.outbox_events (
    seq        bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    topic      text NOT NULL,
    key        text NOT NULL,
    headers    jsonb NOT NULL DEFAULT '{}',
    value      bytea, -- NULL: an erasure
    created_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT outbox_events_name_a_topic CHECK (topic <> '')
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000); -- a queue: vacuumed by count

-- What the broker would never take, with the reason. Kept until somebody has looked.
CREATE TABLE projects.outbox_refused (
    seq        bigint PRIMARY KEY, -- that of outbox_events
    topic      text NOT NULL,
    key        text NOT NULL,
    headers    jsonb NOT NULL,
    value      bytea,
    created_at timestamptz NOT NULL,
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now()
);
