-- What the next versions must reach, where this database was put back to an earlier state: versions that it has forgotten
-- were published, with other content. No row as long as that never happened. `paintbox restored` writes it.

CREATE TABLE projects.version_floor (
    is_the_one boolean PRIMARY KEY DEFAULT true,
    version    bigint NOT NULL,
    raised_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT version_floor_has_one_row CHECK (is_the_one),
    CONSTRAINT version_floor_is_a_version CHECK (version > 0)
);

GRANT SELECT ON projects.version_floor TO paintbox_photo_sync;
