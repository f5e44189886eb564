-- Partitioned like the other log tables. The key holds started_at, so a redelivery meets its own row only if it comes
-- with the same started_at: it is the stored received_at of the event, never now().
-- A log outlives its customer, and there is one for a customer that could not be made.

CREATE TABLE customers.customer_sync_logs (
    id                  uuid NOT NULL DEFAULT gen_random_uuid(),
    customer_id         uuid,
    salesforce_id       varchar(18),

    sync_type           customers.sync_type_enum NOT NULL,
    status              customers.sync_status_enum NOT NULL,
    started_at          timestamptz NOT NULL DEFAULT now(),
    completed_at        timestamptz,
    duration_ms         bigint,

    error_message       text,
    error_code          varchar(50),
    retry_count         integer NOT NULL DEFAULT 0, -- attempts after the first, of the whole chain
    next_retry_at       timestamptz,

    sync_version        varchar(20),
    payload             jsonb, -- personal data: an erasure clears it by customer_id
    external_references jsonb,

    PRIMARY KEY (id, started_at),
    CONSTRAINT customer_sync_logs_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customers.customers (id) ON DELETE SET NULL,
    CONSTRAINT customer_sync_logs_salesforce_id_has_18_characters CHECK (salesforce_id ~ '^[A-Za-z0-9]{18}$'),
    CONSTRAINT customer_sync_logs_retry_count_is_not_negative CHECK (retry_count >= 0)
) PARTITION BY RANGE (started_at);

CREATE INDEX idx_customer_sync_logs_customer_id ON customers.customer_sync_logs (customer_id);
CREATE INDEX idx_customer_sync_logs_status ON customers.customer_sync_logs (status)
    WHERE status IN ('PENDING', 'IN_PROGRESS', 'FAILED', 'RETRYING'); -- what somebody looks up, not what is done
CREATE INDEX idx_customer_sync_logs_started_at ON customers.customer_sync_logs (started_at DESC);

-- A row of no month would be refused otherwise, and with it the event.
CREATE TABLE customers.customer_sync_logs_default PARTITION OF customers.customer_sync_logs DEFAULT;

SELECT customers.create_monthly_partitions('customer_sync_logs', '2024-01-01', 1);
SELECT customers.create_monthly_partitions('customer_sync_logs');

CREATE TABLE customers.salesforce_users (
    id            varchar(18) PRIMARY KEY,
    name          varchar(255) NOT NULL,
    email         varchar(320) NOT NULL,
    username      varchar(255) NOT NULL,
    is_active     boolean NOT NULL DEFAULT true,
    user_role     varchar(100),
    territory     varchar(100),
    profile       varchar(100),
    custom_fields jsonb,

    cached_at     timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,

    CONSTRAINT salesforce_users_id_has_18_characters CHECK (id ~ '^[A-Za-z0-9]{18}$')
);

CREATE INDEX idx_salesforce_users_email ON customers.salesforce_users (email);
CREATE INDEX idx_salesforce_users_territory ON customers.salesforce_users (territory);
CREATE INDEX idx_salesforce_users_expires_at ON customers.salesforce_users (expires_at); -- eviction goes by it
