-- Whose estimate it is: the customers as their owner publishes them, all that can name one in normal form (e-mail
-- lower-cased, phone E.164). A deletion keeps its row.

CREATE TABLE estimates.customer_refs (
    customer_id    uuid PRIMARY KEY,
    salesforce_ids text[] NOT NULL DEFAULT '{}',
    email          text,
    phone          text,
    address_key    text,
    name           text,
    merged_into    uuid,
    source_version bigint NOT NULL DEFAULT 0,
    deleted_at     timestamptz,

    CONSTRAINT customer_refs_is_not_merged_into_itself CHECK (merged_into <> customer_id)
);

CREATE INDEX idx_customer_refs_salesforce_ids ON estimates.customer_refs USING gin (salesforce_ids);
CREATE INDEX idx_customer_refs_email ON estimates.customer_refs (email) WHERE email IS NOT NULL;
CREATE INDEX idx_customer_refs_phone ON estimates.customer_refs (phone) WHERE phone IS NOT NULL;
CREATE INDEX idx_customer_refs_address_key ON estimates.customer_refs (address_key) WHERE address_key IS NOT NULL;
