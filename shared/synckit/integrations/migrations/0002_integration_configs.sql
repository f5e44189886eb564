CREATE TABLE integrations.integration_configs (
    service                       integrations.integration_service_enum PRIMARY KEY,
    enabled                       boolean NOT NULL DEFAULT true,

    config                        jsonb NOT NULL, -- names secrets, never holds one
    api_version                   varchar(20),
    base_url                      text,

    rate_limit_per_hour           integer,
    rate_limit_per_minute         integer,
    concurrent_requests           integer DEFAULT 5,

    timeout_seconds               integer DEFAULT 30,
    max_retries                   integer DEFAULT 3,
    retry_delay_ms                integer DEFAULT 1000,

    health_check_url              text,
    health_check_interval_minutes integer DEFAULT 5,
    last_health_check             timestamptz,
    consecutive_failures          integer NOT NULL DEFAULT 0,

    requires_auth                 boolean NOT NULL DEFAULT true,
    auth_type                     varchar(50), -- oauth2, api_key, jwt
    token_expires_at              timestamptz,

    created_at                    timestamptz NOT NULL DEFAULT now(),
    updated_at                    timestamptz NOT NULL DEFAULT now(),
    updated_by                    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000' -- the system
);

CREATE FUNCTION integrations.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

-- Every column is compared except last_health_check, consecutive_failures and token_expires_at, which the machinery
-- keeps: updated_at tells when somebody changed the configuration.
CREATE TRIGGER trigger_integration_configs_touch
    BEFORE UPDATE ON integrations.integration_configs
    FOR EACH ROW
    WHEN (
        (
            OLD.service, OLD.enabled, OLD.config, OLD.api_version, OLD.base_url,
            OLD.rate_limit_per_hour, OLD.rate_limit_per_minute, OLD.concurrent_requests,
            OLD.timeout_seconds, OLD.max_retries, OLD.retry_delay_ms,
            OLD.health_check_url, OLD.health_check_interval_minutes,
            OLD.requires_auth, OLD.auth_type, OLD.created_at, OLD.updated_by
        ) IS DISTINCT FROM (
            NEW.service, NEW.enabled, NEW.config, NEW.api_version, NEW.base_url,
            NEW.rate_limit_per_hour, NEW.rate_limit_per_minute, NEW.concurrent_requests,
            NEW.timeout_seconds, NEW.max_retries, NEW.retry_delay_ms,
            NEW.health_check_url, NEW.health_check_interval_minutes,
            NEW.requires_auth, NEW.auth_type, NEW.created_at, NEW.updated_by
        )
    )
    EXECUTE FUNCTION integrations.touch_updated_at();

-- The shipped defaults are in the code; what stands here overrides them.
INSERT INTO integrations.integration_configs (service, config)
VALUES ('SALESFORCE', '{}'), ('COMPANY_CAM', '{}')
ON CONFLICT (service) DO NOTHING;
