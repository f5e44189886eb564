CREATE TABLE projects.project_timeline_events (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id       uuid NOT NULL,

    event_type       projects.timeline_event_type_enum NOT NULL,
    title            varchar(500) NOT NULL,
    description      text,
    event_timestamp  timestamptz NOT NULL DEFAULT now(),

    user_id          uuid,
    system_generated boolean NOT NULL DEFAULT false,

    metadata         jsonb,
    source_event_id  uuid, -- of the event that made it, so that a replay makes no second one

    CONSTRAINT project_timeline_events_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES projects.projects (id) ON DELETE CASCADE,
    CONSTRAINT project_timeline_events_source_event_id_key UNIQUE (source_event_id)
);

-- With the time: a project's timeline is read newest first.
CREATE INDEX idx_timeline_events_project_id ON projects.project_timeline_events (project_id, event_timestamp DESC);
CREATE INDEX idx_timeline_events_type ON projects.project_timeline_events (event_type);
CREATE INDEX idx_timeline_events_timestamp ON projects.project_timeline_events (event_timestamp DESC);

CREATE TABLE projects.project_permits (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id      uuid NOT NULL,

    permit_type     projects.permit_type_enum NOT NULL,
    permit_number   varchar(100),
    issuer          varchar(255) NOT NULL,
    issued_date     date,
    expiration_date date,
    status          projects.permit_status_enum NOT NULL DEFAULT 'PENDING',

    cost            decimal(10, 2),

    document_url    text,
    notes           text,

    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the system

    CONSTRAINT project_permits_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES projects.projects (id) ON DELETE CASCADE,
    CONSTRAINT project_permits_key UNIQUE (project_id, permit_type, permit_number),
    -- A pending one has neither number nor dates yet.
    CONSTRAINT project_permits_issued_ones_are_complete CHECK (
        status NOT IN ('APPROVED', 'EXPIRED')
        OR (permit_number IS NOT NULL AND issued_date IS NOT NULL AND expiration_date IS NOT NULL)
    ),
    CONSTRAINT project_permits_expiration_is_not_before_issue CHECK (expiration_date >= issued_date)
);

CREATE INDEX idx_project_permits_status ON projects.project_permits (status) WHERE status = 'PENDING';
CREATE INDEX idx_project_permits_expiration ON projects.project_permits (expiration_date);

CREATE TRIGGER trigger_project_permits_touch
    BEFORE UPDATE ON projects.project_permits
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.project_id, OLD.permit_type, OLD.permit_number, OLD.issuer, OLD.issued_date,
            OLD.expiration_date, OLD.status, OLD.cost, OLD.document_url, OLD.notes, OLD.created_at, OLD.created_by
        ) IS DISTINCT FROM (
            NEW.id, NEW.project_id, NEW.permit_type, NEW.permit_number, NEW.issuer, NEW.issued_date,
            NEW.expiration_date, NEW.status, NEW.cost, NEW.document_url, NEW.notes, NEW.created_at, NEW.created_by
        )
    )
    EXECUTE FUNCTION projects.touch_updated_at();
