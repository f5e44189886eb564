-- The keys hold the time of receipt, since a partitioned table has no other: a redelivery meets its own row only if it
-- comes with the same time, which is the stored one of webhook_event_keys, never now(). Look a row up by both.

CREATE TABLE integrations.sync_logs (
    id               uuid NOT NULL DEFAULT gen_random_uuid(),
    service          integrations.integration_service_enum NOT NULL,

    operation        integrations.sync_operation_enum NOT NULL,
    entity_type      varchar(100) NOT NULL, -- as the vendor spells it
    entity_id        varchar(100),
    external_id      varchar(100),

    status           integrations.sync_status_enum NOT NULL DEFAULT 'PENDING',
    started_at       timestamptz NOT NULL DEFAULT now(),
    completed_at     timestamptz,
    duration_ms      bigint,

    retry_count      integer NOT NULL DEFAULT 0, -- attempts after the first, of the whole chain
    next_retry_at    timestamptz,
    error_code       varchar(100),
    error_message    text,
    error_details    jsonb,

    request_payload  jsonb,
    response_payload jsonb,
    response_size    bigint, -- bytes

    triggered_by     varchar(50), -- user, webhook, scheduler, api
    user_id          uuid,
    correlation_id   uuid,
    metadata         jsonb,

    PRIMARY KEY (id, started_at),
    CONSTRAINT sync_logs_retry_count_is_not_negative CHECK (retry_count >= 0)
) PARTITION BY RANGE (started_at);

CREATE INDEX idx_sync_logs_service ON integrations.sync_logs (service);
CREATE INDEX idx_sync_logs_status ON integrations.sync_logs (status)
    WHERE status IN ('PENDING', 'IN_PROGRESS', 'FAILED', 'RETRYING'); -- what somebody looks up, not what is done
CREATE INDEX idx_sync_logs_entity ON integrations.sync_logs (entity_type, entity_id);
CREATE INDEX idx_sync_logs_started_at ON integrations.sync_logs (started_at DESC);
CREATE INDEX idx_sync_logs_correlation ON integrations.sync_logs (correlation_id) WHERE correlation_id IS NOT NULL;

CREATE TABLE integrations.webhook_events (
    id                     uuid NOT NULL DEFAULT gen_random_uuid(), -- the event's
    service                integrations.integration_service_enum NOT NULL,

    event_type             varchar(100) NOT NULL,
    event_id               varchar(100), -- the vendor's own, where it sends one

    headers                jsonb, -- through an allow-list: no credentials
    payload                jsonb NOT NULL,
    raw                    bytea, -- of what was not understood; JSONB keeps neither spacing nor order
    signature              varchar(500),

    status                 integrations.webhook_status_enum NOT NULL DEFAULT 'RECEIVED',
    processed_at           timestamptz,
    processing_duration_ms bigint,
    locked_until           timestamptz, -- the lease of whoever is PROCESSING it

    error_message          text,
    retry_count            integer NOT NULL DEFAULT 0, -- attempts after the first, of the whole chain
    next_retry_at          timestamptz,

    received_at            timestamptz NOT NULL DEFAULT now(),
    correlation_id         uuid,
    source_ip              inet,
    user_agent             text,

    PRIMARY KEY (id, received_at),
    CONSTRAINT webhook_events_retry_count_is_not_negative CHECK (retry_count >= 0)
) PARTITION BY RANGE (received_at);

CREATE INDEX idx_webhook_events_service ON integrations.webhook_events (service);
CREATE INDEX idx_webhook_events_type ON integrations.webhook_events (event_type);
CREATE INDEX idx_webhook_events_status ON integrations.webhook_events (status)
    WHERE status IN ('RECEIVED', 'PROCESSING', 'FAILED'); -- what somebody looks up, not what is done
CREATE INDEX idx_webhook_events_received_at ON integrations.webhook_events (received_at DESC);

-- A row of no month would be refused otherwise, and the vendor answered with an error.
CREATE TABLE integrations.sync_logs_default PARTITION OF integrations.sync_logs DEFAULT;
CREATE TABLE integrations.webhook_events_default PARTITION OF integrations.webhook_events DEFAULT;

SELECT integrations.create_monthly_partitions('sync_logs', '2024-01-01', 1);
SELECT integrations.create_monthly_partitions('webhook_events', '2024-01-01', 1);
SELECT integrations.create_monthly_partitions('sync_logs');
SELECT integrations.create_monthly_partitions('webhook_events');
