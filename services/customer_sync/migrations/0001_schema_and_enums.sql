-- A label that is added later gets a migration of its own, since it cannot be used in the transaction that adds it.
-- None can be removed.

CREATE SCHEMA IF NOT EXISTS customers;

CREATE TYPE customers.account_type_enum AS ENUM (
    'RESIDENTIAL', 'COMMERCIAL', 'INDUSTRIAL', 'GOVERNMENT', 'NON_PROFIT'
);

CREATE TYPE customers.customer_status_enum AS ENUM (
    'ACTIVE', 'INACTIVE', 'PROSPECT', 'QUALIFIED_LEAD', 'CONVERTED', 'CHURNED', 'SUSPENDED'
);

CREATE TYPE customers.sync_type_enum AS ENUM (
    'MANUAL', 'SCHEDULED', 'WEBHOOK', 'BULK', 'INITIAL'
);

CREATE TYPE customers.sync_status_enum AS ENUM (
    'PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'RETRYING'
);
