-- Whose project it is: the customers as their owner publishes them, all that can name one in normal form (e-mail
-- lower-cased, phone E.164). A deletion keeps its row.

CREATE TABLE projects.customer_refs (
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

CREATE INDEX idx_customer_refs_salesforce_ids ON projects.customer_refs USING gin (salesforce_ids);
CREATE INDEX idx_customer_refs_email ON projects.customer_refs (email) WHERE email IS NOT NULL;
CREATE INDEX idx_customer_refs_phone ON projects.customer_refs (phone) WHERE phone IS NOT NULL;
CREATE INDEX idx_customer_refs_address_key ON projects.customer_refs (address_key) WHERE address_key IS NOT NULL;

-- What a CompanyCam project names its customer by, and what came of it. A match is a stored fact: a second candidate
-- that appears later makes it contested, and takes nothing away.
CREATE TABLE projects.customer_matches (
    project_id   text PRIMARY KEY, -- CompanyCam's id
    relation_ids text[] NOT NULL DEFAULT '{}',
    email        text,
    phone        text,
    address_key  text,
    customer_id  uuid,
    basis        text,
    candidates   uuid[] NOT NULL DEFAULT '{}',
    state        text NOT NULL DEFAULT 'held',
    matched_at   timestamptz,
    changed_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT customer_matches_name_a_project CHECK (project_id <> ''),
    CONSTRAINT customer_matches_basis_is_known CHECK (
        basis IN ('relation_id', 'email', 'phone', 'address', 'operator')
    ),
    CONSTRAINT customer_matches_state_is_known CHECK (state IN ('held', 'ambiguous', 'matched', 'contested')),
    CONSTRAINT customer_matches_have_a_customer CHECK (
        (state IN ('matched', 'contested')) = (customer_id IS NOT NULL)
    )
);

CREATE INDEX idx_customer_matches_relation_ids ON projects.customer_matches USING gin (relation_ids);
CREATE INDEX idx_customer_matches_email ON projects.customer_matches (email) WHERE email IS NOT NULL;
CREATE INDEX idx_customer_matches_phone ON projects.customer_matches (phone) WHERE phone IS NOT NULL;
CREATE INDEX idx_customer_matches_address_key ON projects.customer_matches (address_key) WHERE address_key IS NOT NULL;
CREATE INDEX idx_customer_matches_state ON projects.customer_matches (state) WHERE state <> 'matched';
