CREATE TABLE projects.crew_members (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name                varchar(255) NOT NULL,
    email               varchar(320),
    phone               varchar(40),
    skill_level         projects.skill_level_enum NOT NULL DEFAULT 'APPRENTICE',
    default_hourly_rate decimal(8, 2),

    available_from      date,
    available_until     date,
    is_active           boolean NOT NULL DEFAULT true,

    hire_date           date,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT crew_members_valid_phone CHECK (
        phone IS NULL
        OR phone ~* '^[+]?[(]?[0-9][-0-9 ().]*((;ext=|,? *ext[.]?|,? *x|#) *[0-9]{1,8})?$'
    ),
    CONSTRAINT crew_members_available_until_is_not_before_from CHECK (available_until >= available_from)
);

CREATE INDEX idx_crew_members_skill_level ON projects.crew_members (skill_level);
CREATE INDEX idx_crew_members_active ON projects.crew_members (skill_level) WHERE is_active;

CREATE TRIGGER trigger_crew_members_touch
    BEFORE UPDATE ON projects.crew_members
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.name, OLD.email, OLD.phone, OLD.skill_level, OLD.default_hourly_rate,
            OLD.available_from, OLD.available_until, OLD.is_active, OLD.hire_date, OLD.created_at
        ) IS DISTINCT FROM (
            NEW.id, NEW.name, NEW.email, NEW.phone, NEW.skill_level, NEW.default_hourly_rate,
            NEW.available_from, NEW.available_until, NEW.is_active, NEW.hire_date, NEW.created_at
        )
    )
    EXECUTE FUNCTION projects.touch_updated_at();

CREATE TABLE projects.project_crew_assignments (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id      uuid NOT NULL,
    crew_member_id  uuid NOT NULL,

    role            projects.crew_role_enum NOT NULL,
    assigned_at     timestamptz NOT NULL DEFAULT now(),
    start_date      date,
    end_date        date,
    is_active       boolean NOT NULL DEFAULT true,

    hourly_rate     decimal(8, 2),
    estimated_hours decimal(6, 2),

    assigned_by     uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the system
    notes           text,

    CONSTRAINT project_crew_assignments_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES projects.projects (id) ON DELETE CASCADE,
    CONSTRAINT project_crew_assignments_crew_member_id_fkey FOREIGN KEY (crew_member_id)
        REFERENCES projects.crew_members (id) ON DELETE RESTRICT,
    -- start_date may be unknown, and two unknown ones are the same assignment.
    CONSTRAINT project_crew_assignments_key
        UNIQUE NULLS NOT DISTINCT (project_id, crew_member_id, role, start_date),
    CONSTRAINT project_crew_assignments_end_is_not_before_start CHECK (end_date >= start_date)
);

CREATE INDEX idx_project_crew_member_id ON projects.project_crew_assignments (crew_member_id);
CREATE INDEX idx_project_crew_active ON projects.project_crew_assignments (crew_member_id) WHERE is_active;
