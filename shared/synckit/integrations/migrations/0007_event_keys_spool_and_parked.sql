-- The first receipt of every event, and its time. Not partitioned: webhook_events, which is, cannot tell a repeat that
-- comes with another time.
CREATE TABLE integrations.webhook_event_keys (
    event_id    uuid PRIMARY KEY,
    service     integrations.integration_service_enum NOT NULL,
    received_at timestamptz NOT NULL
);

-- What the doors accept while Kafka is away, sent later by any number of senders (FOR UPDATE SKIP LOCKED), each row
-- deleted after its acknowledgement. A queue: nearly empty, and vacuumed by count.
CREATE TABLE integrations.webhook_spool (
    seq        bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    topic      text NOT NULL,
    key        text,
    headers    jsonb NOT NULL DEFAULT '{}',
    value      bytea NOT NULL,
    event_id   uuid NOT NULL,
    spooled_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT webhook_spool_names_a_topic CHECK (topic <> '')
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A record that can never work as it is, with its bytes and the reason. It is open until it was redriven or dropped.
CREATE TABLE integrations.parked_records (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer         text NOT NULL,
    topic            text NOT NULL,
    partition        integer NOT NULL,
    "offset"         bigint NOT NULL,
    key              bytea,
    headers          jsonb NOT NULL DEFAULT '{}',
    value            bytea,
    reason_code      text NOT NULL,
    reason           text NOT NULL,
    attempt          integer NOT NULL DEFAULT 1,
    parked_at        timestamptz NOT NULL DEFAULT now(),
    redrive_asked_at timestamptz,
    redriven_at      timestamptz,
    dropped_at       timestamptz,
    value_sha256     text, -- hexadecimal; NULL where there is no value

    -- With the digest: a topic that was made anew counts its offsets from 0 again.
    CONSTRAINT parked_records_key UNIQUE NULLS NOT DISTINCT (consumer, topic, partition, "offset", value_sha256),
    CONSTRAINT parked_records_attempt_is_positive CHECK (attempt >= 1)
);

CREATE INDEX idx_parked_records_open ON integrations.parked_records (consumer, topic)
    WHERE redriven_at IS NULL AND dropped_at IS NULL;
CREATE INDEX idx_parked_records_redrive_asked_at ON integrations.parked_records (redrive_asked_at)
    WHERE redrive_asked_at IS NOT NULL AND redriven_at IS NULL AND dropped_at IS NULL;
