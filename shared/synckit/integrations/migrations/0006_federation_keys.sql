-- Which of our rows belong to which rows of another service. A deletion keeps its row, and only a newer source_version
-- is applied: late and repeated events neither overwrite nor revive a key.

CREATE TABLE integrations.federation_keys (
    local_id          uuid NOT NULL,
    local_table       varchar(100) NOT NULL,
    external_service  varchar(50) NOT NULL,
    external_id       varchar(100) NOT NULL, -- a UUID of ours, or a vendor's id, which is none
    external_table    varchar(100) NOT NULL,

    relationship_type varchar(50) NOT NULL, -- one_to_one, one_to_many, many_to_many
    is_owner          boolean NOT NULL DEFAULT false, -- this service publishes the relationship; the other mirrors it

    created_at        timestamptz NOT NULL DEFAULT now(),
    last_validated_at timestamptz,
    is_valid          boolean NOT NULL DEFAULT true,

    source_version    bigint NOT NULL DEFAULT 0,
    deleted_at        timestamptz,

    -- With external_table: two tables of one service may use the same id.
    PRIMARY KEY (local_id, local_table, external_service, external_table, external_id)
);

CREATE INDEX idx_federation_keys_external ON integrations.federation_keys (external_service, external_id);
CREATE INDEX idx_federation_keys_last_validated_at ON integrations.federation_keys (last_validated_at NULLS FIRST);

-- The keys that wait for a validation: never validated, or not within the last hour. It asks nobody itself: whoever
-- validates writes last_validated_at and is_valid.
CREATE FUNCTION integrations.validate_federation_references() RETURNS TABLE (
    service          varchar(50),
    table_name       varchar(100),
    local_id         uuid,
    external_service varchar(50),
    external_id      varchar(100),
    is_valid         boolean,
    error_message    text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT 'integrations'::varchar(50),
           fk.local_table,
           fk.local_id,
           fk.external_service,
           fk.external_id,
           fk.is_valid,
           CASE WHEN NOT fk.is_valid THEN 'Reference validation failed' END
      FROM integrations.federation_keys AS fk
     WHERE (fk.last_validated_at IS NULL OR fk.last_validated_at < now() - interval '1 hour')
       AND fk.deleted_at IS NULL;
END;
$$;
