-- A customer is keyed by the 18-character id of its Salesforce record, or was entered by hand and has none.

CREATE TABLE customers.customers (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    salesforce_id       varchar(18),

    first_name          varchar(255) NOT NULL DEFAULT '', -- optional in Salesforce
    last_name           varchar(255) NOT NULL,
    email               varchar(320), -- 64 + @ + 255 (RFC 5321); nillable in Salesforce
    phone               varchar(40), -- as long as Salesforce's
    company             varchar(255),

    mailing_street      text,
    mailing_city        varchar(255),
    mailing_state       varchar(80), -- as long as Salesforce's
    mailing_postal_code varchar(20),
    mailing_country     varchar(2) NOT NULL DEFAULT 'US',
    mailing_latitude    decimal(10, 8),
    mailing_longitude   decimal(11, 8),

    billing_street      text,
    billing_city        varchar(255),
    billing_state       varchar(80),
    billing_postal_code varchar(20),
    billing_country     varchar(2) NOT NULL DEFAULT 'US',
    billing_latitude    decimal(10, 8),
    billing_longitude   decimal(11, 8),

    service_street      text,
    service_city        varchar(255),
    service_state       varchar(80),
    service_postal_code varchar(20),
    service_country     varchar(2) NOT NULL DEFAULT 'US',
    service_latitude    decimal(10, 8),
    service_longitude   decimal(11, 8),

    account_type        customers.account_type_enum NOT NULL,
    lead_source         varchar(100),
    industry            varchar(100),
    website             varchar(500),

    credit_limit        decimal(12, 2),
    payment_terms       varchar(50),
    tax_exempt          boolean NOT NULL DEFAULT false,

    salesforce_owner_id varchar(18),
    territory           varchar(100),
    account_number      varchar(50),

    status              customers.customer_status_enum NOT NULL DEFAULT 'PROSPECT',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    last_sync_at        timestamptz,

    -- The zero UUID is the system: what a webhook makes has no person behind it.
    created_by          uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    updated_by          uuid,
    version             integer NOT NULL DEFAULT 1,

    search_vector       tsvector,

    deleted_at          timestamptz,
    merged_into         uuid, -- no foreign key: the winner may arrive after the loser
    source_modified_at  timestamptz,
    source_version      bigint NOT NULL DEFAULT 0,

    CONSTRAINT customers_salesforce_id_key UNIQUE (salesforce_id),
    CONSTRAINT customers_salesforce_id_has_18_characters CHECK (salesforce_id ~ '^[A-Za-z0-9]{18}$'),
    CONSTRAINT customers_salesforce_owner_id_has_18_characters CHECK (salesforce_owner_id ~ '^[A-Za-z0-9]{18}$'),
    CONSTRAINT email_required_unless_salesforce CHECK (email IS NOT NULL OR salesforce_id IS NOT NULL),
    -- One @ and a dotted domain of any script, no more: whether an address is real only mail can tell.
    CONSTRAINT valid_email CHECK (email ~ '^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$'),
    CONSTRAINT valid_phone CHECK (
        phone IS NULL
        OR phone ~* '^[+]?[(]?[0-9][-0-9 ().]*((;ext=|,? *ext[.]?|,? *x|#) *[0-9]{1,8})?$'
    ),
    CONSTRAINT customers_countries_are_iso_3166 CHECK (
        mailing_country ~ '^[A-Z]{2}$' AND billing_country ~ '^[A-Z]{2}$' AND service_country ~ '^[A-Z]{2}$'
    ),
    CONSTRAINT customers_mailing_location_is_on_earth CHECK (
        mailing_latitude BETWEEN -90 AND 90 AND mailing_longitude BETWEEN -180 AND 180
    ),
    CONSTRAINT customers_billing_location_is_on_earth CHECK (
        billing_latitude BETWEEN -90 AND 90 AND billing_longitude BETWEEN -180 AND 180
    ),
    CONSTRAINT customers_service_location_is_on_earth CHECK (
        service_latitude BETWEEN -90 AND 90 AND service_longitude BETWEEN -180 AND 180
    ),
    CONSTRAINT customers_is_not_merged_into_itself CHECK (merged_into <> id)
) WITH (fillfactor = 85); -- a redelivery writes last_sync_at only, which no index holds: room for it on the page

-- Salesforce allows two contacts of one household to share an address, so only customers entered by hand are unique.
CREATE UNIQUE INDEX uq_customers_email_local ON customers.customers (lower(email))
    WHERE salesforce_id IS NULL AND deleted_at IS NULL;

CREATE INDEX idx_customers_email ON customers.customers (lower(email));
CREATE INDEX idx_customers_account_type ON customers.customers (account_type);
CREATE INDEX idx_customers_created_at ON customers.customers (created_at DESC);
CREATE INDEX idx_customers_updated_at ON customers.customers (updated_at DESC);
CREATE INDEX idx_customers_status_type ON customers.customers (status, account_type);
CREATE INDEX idx_customers_territory_status ON customers.customers (territory, status) WHERE territory IS NOT NULL;

-- Distances are in degrees. A query gets these two only with the same expression and predicate.
CREATE INDEX idx_customers_mailing_location ON customers.customers
    USING gist (point(mailing_longitude, mailing_latitude))
    WHERE mailing_latitude IS NOT NULL AND mailing_longitude IS NOT NULL;
CREATE INDEX idx_customers_service_location ON customers.customers
    USING gist (point(service_longitude, service_latitude))
    WHERE service_latitude IS NOT NULL AND service_longitude IS NOT NULL;

CREATE INDEX idx_customers_search_vector ON customers.customers USING gin (search_vector);

-- 'simple', since 'english' drops the names Will and Don as stop words. A phone is found as it is written and by its
-- digits alone.
CREATE FUNCTION customers.update_customer_search_vector() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.search_vector :=
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.first_name, '')), 'A') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.last_name, '')), 'A') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.email, '')), 'B') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.company, '')), 'B') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.phone, '')), 'C') ||
        setweight(to_tsvector('pg_catalog.simple', regexp_replace(COALESCE(NEW.phone, ''), '[^0-9]', '', 'g')), 'C');
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_customers_search_vector
    BEFORE INSERT OR UPDATE OF first_name, last_name, email, company, phone ON customers.customers
    FOR EACH ROW EXECUTE FUNCTION customers.update_customer_search_vector();

CREATE FUNCTION customers.touch_row() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    NEW.version := OLD.version + 1;
    RETURN NEW;
END;
$$;

-- A new version is what a person would call a change, so a redelivery makes none: every column is compared except
-- last_sync_at, source_modified_at, source_version, search_vector and the two that the trigger sets. The comparison
-- stands here, not in the function: to_jsonb(NEW) there would rewrite every toasted column.
CREATE TRIGGER trigger_customers_touch
    BEFORE UPDATE ON customers.customers
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.salesforce_id, OLD.first_name, OLD.last_name, OLD.email, OLD.phone, OLD.company,
            OLD.mailing_street, OLD.mailing_city, OLD.mailing_state, OLD.mailing_postal_code, OLD.mailing_country,
            OLD.mailing_latitude, OLD.mailing_longitude,
            OLD.billing_street, OLD.billing_city, OLD.billing_state, OLD.billing_postal_code, OLD.billing_country,
            OLD.billing_latitude, OLD.billing_longitude,
            OLD.service_street, OLD.service_city, OLD.service_state, OLD.service_postal_code, OLD.service_country,
            OLD.service_latitude, OLD.service_longitude,
            OLD.account_type, OLD.lead_source, OLD.industry, OLD.website,
            OLD.credit_limit, OLD.payment_terms, OLD.tax_exempt,
            OLD.salesforce_owner_id, OLD.territory, OLD.account_number,
            OLD.status, OLD.created_at, OLD.created_by, OLD.updated_by, OLD.deleted_at, OLD.merged_into
        ) IS DISTINCT FROM (
            NEW.id, NEW.salesforce_id, NEW.first_name, NEW.last_name, NEW.email, NEW.phone, NEW.company,
            NEW.mailing_street, NEW.mailing_city, NEW.mailing_state, NEW.mailing_postal_code, NEW.mailing_country,
            NEW.mailing_latitude, NEW.mailing_longitude,
            NEW.billing_street, NEW.billing_city, NEW.billing_state, NEW.billing_postal_code, NEW.billing_country,
            NEW.billing_latitude, NEW.billing_longitude,
            NEW.service_street, NEW.service_city, NEW.service_state, NEW.service_postal_code, NEW.service_country,
            NEW.service_latitude, NEW.service_longitude,
            NEW.account_type, NEW.lead_source, NEW.industry, NEW.website,
            NEW.credit_limit, NEW.payment_terms, NEW.tax_exempt,
            NEW.salesforce_owner_id, NEW.territory, NEW.account_number,
            NEW.status, NEW.created_at, NEW.created_by, NEW.updated_by, NEW.deleted_at, NEW.merged_into
        )
    )
    EXECUTE FUNCTION customers.touch_row();

-- The 18-character form of a Salesforce id: one that has it already comes back unchanged, one of 15 characters gets
-- its three check characters (bit p of each is set where character p of its block of five is an upper-case letter).
CREATE FUNCTION customers.salesforce_id18(id text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF id ~ '^[A-Za-z0-9]{18}$' THEN
        RETURN id;
    ELSIF id !~ '^[A-Za-z0-9]{15}$' THEN
        RAISE EXCEPTION 'not a Salesforce id: 15 or 18 letters and digits are needed, this has % characters', length(id)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN id || (
        SELECT string_agg(substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1 + bits, 1), '' ORDER BY block)
          FROM (
              SELECT place / 5 AS block,
                     sum(
                         CASE WHEN ascii(substr(id, 1 + place, 1)) BETWEEN 65 AND 90 THEN 1 << (place % 5) ELSE 0 END
                     )::integer AS bits
                FROM generate_series(0, 14) AS place
               GROUP BY place / 5
          ) AS blocks
    );
END;
$$;
