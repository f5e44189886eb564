CREATE TABLE integrations.bulk_sync_operations (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    service                 integrations.integration_service_enum NOT NULL,

    operation_type          varchar(100) NOT NULL,
    filter_criteria         jsonb,

    status                  integrations.bulk_sync_status_enum NOT NULL DEFAULT 'QUEUED',
    total_items             integer,
    processed_items         integer NOT NULL DEFAULT 0,
    successful_items        integer NOT NULL DEFAULT 0,
    failed_items            integer NOT NULL DEFAULT 0,

    started_at              timestamptz NOT NULL DEFAULT now(), -- of queueing, until PROCESSING sets it again
    completed_at            timestamptz,
    estimated_completion_at timestamptz,

    error_summary           jsonb,
    failed_entity_ids       text[],

    triggered_by            varchar(50),
    user_id                 uuid,
    configuration           jsonb,

    -- Every further id rewrites the whole array; the rest are in sync_logs by correlation_id.
    CONSTRAINT bulk_sync_operations_failed_entity_ids_are_few CHECK (cardinality(failed_entity_ids) <= 1000)
);

CREATE INDEX idx_bulk_sync_operations_service ON integrations.bulk_sync_operations (service);
CREATE INDEX idx_bulk_sync_operations_status ON integrations.bulk_sync_operations (status)
    WHERE status IN ('QUEUED', 'PROCESSING', 'FAILED', 'PARTIALLY_COMPLETED'); -- what somebody looks up
CREATE INDEX idx_bulk_sync_operations_started_at ON integrations.bulk_sync_operations (started_at DESC);

-- No index on last_accessed_at: with one, each read of the cache writes every index of the row.
CREATE TABLE integrations.external_entity_cache (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    service           integrations.integration_service_enum NOT NULL,

    external_id       varchar(100) NOT NULL,
    entity_type       varchar(100) NOT NULL, -- as the vendor spells it

    data              jsonb NOT NULL,
    data_hash         varchar(64), -- SHA-256, hexadecimal

    cached_at         timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    access_count      integer NOT NULL DEFAULT 0,
    last_accessed_at  timestamptz NOT NULL DEFAULT now(),

    is_valid          boolean NOT NULL DEFAULT true,
    validation_errors jsonb,

    source_version    bigint NOT NULL DEFAULT 0,

    CONSTRAINT external_entity_cache_key UNIQUE (service, entity_type, external_id)
) WITH (fillfactor = 80);

CREATE INDEX idx_external_cache_type ON integrations.external_entity_cache (entity_type);
CREATE INDEX idx_external_cache_expires ON integrations.external_entity_cache (expires_at);

-- A row is one minute of one endpoint; an hour is the sum of sixty. With both in one column, the minute and the hour of
-- 10:00 would share a row.
CREATE TABLE integrations.rate_limit_tracking (
    service              integrations.integration_service_enum NOT NULL,
    endpoint             varchar(200) NOT NULL, -- the route's template: with ids there would be no end of rows
    window_start         timestamptz NOT NULL,

    request_count        integer NOT NULL DEFAULT 0,
    success_count        integer NOT NULL DEFAULT 0,
    error_count          integer NOT NULL DEFAULT 0,

    total_duration_ms    bigint NOT NULL DEFAULT 0,
    avg_response_time_ms integer GENERATED ALWAYS AS (
        CASE WHEN request_count > 0 THEN (total_duration_ms / request_count)::integer ELSE 0 END
    ) STORED,

    is_throttled         boolean NOT NULL DEFAULT false,
    throttle_until       timestamptz,

    PRIMARY KEY (service, endpoint, window_start),
    CONSTRAINT rate_limit_tracking_window_is_a_minute CHECK (EXTRACT(epoch FROM window_start) % 60 = 0)
) WITH (fillfactor = 50); -- one hot row an endpoint, rewritten each second

CREATE INDEX idx_rate_limit_throttled ON integrations.rate_limit_tracking (throttle_until) WHERE is_throttled;
