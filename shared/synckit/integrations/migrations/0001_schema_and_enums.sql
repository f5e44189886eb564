-- A label that is added later gets a migration of its own, since it cannot be used in the transaction that adds it.
-- None can be removed.

CREATE SCHEMA IF NOT EXISTS integrations;

CREATE TYPE integrations.integration_service_enum AS ENUM (
    'SALESFORCE', 'COMPANY_CAM', 'WEATHER_API', 'GEOCODING_API',
    'EMAIL_SERVICE', 'SMS_SERVICE', 'PAYMENT_PROCESSOR', 'ACCOUNTING_SYSTEM'
);

CREATE TYPE integrations.sync_operation_enum AS ENUM (
    'CREATE', 'UPDATE', 'DELETE', 'SYNC', 'BULK_SYNC', 'WEBHOOK'
);

CREATE TYPE integrations.sync_status_enum AS ENUM (
    'PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'RETRYING'
);

CREATE TYPE integrations.bulk_sync_status_enum AS ENUM (
    'QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'PARTIALLY_COMPLETED', 'CANCELLED'
);

CREATE TYPE integrations.webhook_status_enum AS ENUM (
    'RECEIVED', 'PROCESSING', 'PROCESSED', 'FAILED', 'IGNORED'
);
