-- Keys whose row the database refuses, until it is written: they are tried again once a minute. Not among the notes, which
-- a worker of an older release would do and delete.

CREATE TABLE projects.projection_refused (
    object     text NOT NULL,
    id         text NOT NULL,
    cause      jsonb NOT NULL,
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(), -- for the first time since the newest event
    tried_at   timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (object, id),
    CONSTRAINT projection_refused_names_a_key CHECK (object <> '' AND id <> '')
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX idx_projection_refused_tried ON projects.projection_refused (object, tried_at, id);

GRANT SELECT, INSERT, DELETE ON projects.projection_refused TO paintbox_photo_sync;
GRANT UPDATE (cause, reason, refused_at, tried_at) ON projects.projection_refused TO paintbox_photo_sync;
