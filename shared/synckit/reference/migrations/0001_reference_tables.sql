-- The look-up tables that every database keeps a copy of, fed by paintbox.reference.v1 (one record a row, its key
-- table/code). No foreign keys: a city may arrive before its state. A newer source_version wins, and what was deleted
-- keeps its row, or an older record would bring it back.

CREATE SCHEMA IF NOT EXISTS reference;

CREATE TABLE reference.countries (
    code           varchar(2)   PRIMARY KEY, -- ISO 3166-1 alpha-2, as customers.customers.mailing_country
    name           varchar(255) NOT NULL,
    dial_code      varchar(10), -- with its plus sign: +1, +44
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    CONSTRAINT countries_code_is_iso_3166 CHECK (code ~ '^[A-Z]{2}$'),
    CONSTRAINT countries_dial_code_is_one CHECK (dial_code ~ '^[+][0-9]{1,7}$')
);

CREATE TABLE reference.states (
    country_code   varchar(2)   NOT NULL,
    code           varchar(80)  NOT NULL, -- within the country: OR, not US-OR
    name           varchar(255) NOT NULL,
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    PRIMARY KEY (country_code, code),
    CONSTRAINT states_country_code_is_iso_3166 CHECK (country_code ~ '^[A-Z]{2}$'),
    CONSTRAINT states_have_a_code CHECK (code <> '')
);

CREATE TABLE reference.cities (
    code           varchar(50)  PRIMARY KEY, -- the publisher's own: cities have no code that all of them share
    name           varchar(255) NOT NULL,
    country_code   varchar(2)   NOT NULL,
    state_code     varchar(80),
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    CONSTRAINT cities_have_a_code CHECK (code <> ''),
    CONSTRAINT cities_country_code_is_iso_3166 CHECK (country_code ~ '^[A-Z]{2}$')
);

CREATE INDEX idx_cities_state ON reference.cities (country_code, state_code);

CREATE TABLE reference.industries (
    code           varchar(50)  PRIMARY KEY,
    name           varchar(255) NOT NULL,
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    CONSTRAINT industries_have_a_code CHECK (code <> '')
);

CREATE TABLE reference.user_roles (
    code           varchar(50)  PRIMARY KEY,
    name           varchar(255) NOT NULL,
    description    text,
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    CONSTRAINT user_roles_have_a_code CHECK (code <> '')
);

CREATE TABLE reference.permissions (
    code           varchar(100) PRIMARY KEY,
    name           varchar(255) NOT NULL,
    description    text,
    source_version bigint       NOT NULL DEFAULT 0,
    deleted_at     timestamptz,
    CONSTRAINT permissions_have_a_code CHECK (code <> '')
);

CREATE TABLE reference.user_role_permissions (
    role_code       varchar(50)  NOT NULL,
    permission_code varchar(100) NOT NULL,
    source_version  bigint       NOT NULL DEFAULT 0,
    deleted_at      timestamptz,
    PRIMARY KEY (role_code, permission_code)
);

CREATE INDEX idx_user_role_permissions_permission ON reference.user_role_permissions (permission_code);
