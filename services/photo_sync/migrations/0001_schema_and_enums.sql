-- A label that is added later gets a migration of its own, since it cannot be used in the transaction that adds it.
-- None can be removed.

CREATE SCHEMA IF NOT EXISTS projects;

CREATE TYPE projects.project_status_enum AS ENUM (
    'PLANNING', 'SCHEDULED', 'IN_PROGRESS', 'ON_HOLD', 'REVIEW', 'COMPLETED', 'CANCELLED', 'ARCHIVED'
);

CREATE TYPE projects.project_type_enum AS ENUM (
    'INTERIOR_PAINTING', 'EXTERIOR_PAINTING', 'CABINET_REFINISHING',
    'DECK_STAINING', 'PRESSURE_WASHING', 'DRYWALL_REPAIR',
    'WALLPAPER_REMOVAL', 'TOUCH_UP', 'MAINTENANCE'
);

CREATE TYPE projects.project_priority_enum AS ENUM (
    'LOW', 'NORMAL', 'HIGH', 'URGENT', 'EMERGENCY'
);

CREATE TYPE projects.project_phase_enum AS ENUM (
    'PREPARATION', 'PRIMER', 'BASE_COAT', 'FINAL_COAT', 'TOUCH_UP', 'CLEANUP', 'COMPLETION'
);

CREATE TYPE projects.photo_category_enum AS ENUM (
    'BEFORE', 'PROGRESS', 'AFTER', 'DAMAGE', 'PREPARATION',
    'MATERIALS', 'TEAM', 'SITE_CONDITIONS', 'QUALITY_CONTROL'
);

CREATE TYPE projects.photo_sync_status_enum AS ENUM (
    'PENDING', 'SYNCING', 'SYNCED', 'FAILED', 'DELETED'
);

CREATE TYPE projects.crew_role_enum AS ENUM (
    'LEAD_PAINTER', 'PAINTER', 'PREP_WORKER', 'HELPER', 'SUPERVISOR', 'SPECIALIST'
);

CREATE TYPE projects.skill_level_enum AS ENUM (
    'TRAINEE', 'APPRENTICE', 'JOURNEYMAN', 'EXPERT', 'MASTER'
);

CREATE TYPE projects.permit_type_enum AS ENUM (
    'BUILDING', 'ELECTRICAL', 'PLUMBING', 'ENVIRONMENTAL', 'SAFETY', 'PARKING'
);

CREATE TYPE projects.permit_status_enum AS ENUM (
    'PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED'
);

CREATE TYPE projects.timeline_event_type_enum AS ENUM (
    'CREATED', 'STATUS_CHANGED', 'CREW_ASSIGNED', 'PHOTO_UPLOADED',
    'NOTE_ADDED', 'PERMIT_OBTAINED', 'WEATHER_DELAY', 'CUSTOMER_CONTACT',
    'QUALITY_CHECK', 'COMPLETION'
);
