-- A project has a customer: one that CompanyCam knows and we cannot place waits in the mirror, not here. The customer's
-- row is in another database, so there is no foreign key; projects.customer_refs tells who exists.

CREATE TABLE projects.projects (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id           uuid NOT NULL,
    company_cam_id        varchar(50),

    name                  varchar(500) NOT NULL,
    description           text,
    type                  projects.project_type_enum NOT NULL,
    priority              projects.project_priority_enum NOT NULL DEFAULT 'NORMAL',

    status                projects.project_status_enum NOT NULL DEFAULT 'PLANNING',
    scheduled_start_date  date,
    actual_start_date     date,
    scheduled_end_date    date,
    actual_end_date       date,
    estimated_duration    integer, -- days

    -- '' where the vendor has none
    service_street        text NOT NULL,
    service_city          varchar(255) NOT NULL,
    service_state         varchar(50) NOT NULL,
    service_postal_code   varchar(20) NOT NULL,
    service_country       varchar(2) NOT NULL DEFAULT 'US',
    service_latitude      decimal(10, 8),
    service_longitude     decimal(11, 8),

    budget_amount         decimal(12, 2),
    actual_cost           decimal(12, 2),
    profit_margin         decimal(9, 2), -- percent; -1900 where a job of 1,000 cost 20,000

    weather_restrictions  jsonb,
    optimal_conditions    jsonb,

    notes                 text,
    specifications        jsonb,

    photo_count           integer NOT NULL DEFAULT 0,
    last_photo_sync       timestamptz,

    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    -- The zero UUID is the system: what a webhook makes has no person behind it.
    created_by            uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    updated_by            uuid,
    version               integer NOT NULL DEFAULT 1,

    search_vector         tsvector,

    deleted_at            timestamptz,
    merged_into           uuid, -- no foreign key: the winner may arrive after the loser
    status_before_archive projects.project_status_enum, -- what a restored project goes back to
    source_version        bigint NOT NULL DEFAULT 0,

    CONSTRAINT projects_company_cam_id_key UNIQUE (company_cam_id),
    CONSTRAINT projects_scheduled_end_is_not_before_start CHECK (scheduled_end_date >= scheduled_start_date),
    CONSTRAINT projects_actual_end_is_not_before_start CHECK (actual_end_date >= actual_start_date),
    CONSTRAINT projects_service_country_is_iso_3166 CHECK (service_country ~ '^[A-Z]{2}$'),
    CONSTRAINT projects_service_location_is_on_earth CHECK (
        service_latitude BETWEEN -90 AND 90 AND service_longitude BETWEEN -180 AND 180
    ),
    CONSTRAINT projects_weather_restrictions_is_an_array CHECK (jsonb_typeof(weather_restrictions) = 'array'),
    CONSTRAINT projects_is_not_merged_into_itself CHECK (merged_into <> id)
) WITH (fillfactor = 80); -- every batch of photos rewrites the counters, which no index holds

CREATE INDEX idx_projects_type ON projects.projects (type);
CREATE INDEX idx_projects_priority ON projects.projects (priority);
CREATE INDEX idx_projects_scheduled_dates ON projects.projects (scheduled_start_date, scheduled_end_date);
CREATE INDEX idx_projects_created_at ON projects.projects (created_at DESC);
CREATE INDEX idx_projects_customer_status ON projects.projects (customer_id, status);
CREATE INDEX idx_projects_status_priority ON projects.projects (status, priority);
CREATE INDEX idx_projects_overdue ON projects.projects (scheduled_end_date)
    WHERE status IN ('SCHEDULED', 'IN_PROGRESS');

-- Distances are in degrees. A query gets it only with the same expression and predicate.
CREATE INDEX idx_projects_service_location ON projects.projects
    USING gist (point(service_longitude, service_latitude))
    WHERE service_latitude IS NOT NULL AND service_longitude IS NOT NULL;

CREATE INDEX idx_projects_search_vector ON projects.projects USING gin (search_vector);

-- What depends on today cannot be a generated column: it would stay at the day of writing.
CREATE VIEW projects.project_deadlines WITH (security_invoker = true) AS
SELECT project.id AS project_id,
       COALESCE(
           project.status IN ('SCHEDULED', 'IN_PROGRESS') AND project.scheduled_end_date < CURRENT_DATE,
           false
       ) AS is_overdue,
       project.scheduled_end_date - CURRENT_DATE AS days_until_deadline
  FROM projects.projects AS project;

-- 'simple', since 'english' drops and stems names. A tsvector holds 1 MB at most: a longer description is searchable
-- by its beginning instead of being refused.
CREATE FUNCTION projects.update_project_search_vector() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.search_vector :=
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.name, '')), 'A') ||
        setweight(to_tsvector('pg_catalog.simple', left(COALESCE(NEW.description, ''), 100000)), 'B') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.service_city, '')), 'C') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.service_state, '')), 'C');
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_projects_search_vector
    BEFORE INSERT OR UPDATE OF name, description, service_city, service_state ON projects.projects
    FOR EACH ROW EXECUTE FUNCTION projects.update_project_search_vector();

CREATE FUNCTION projects.touch_row() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    NEW.version := OLD.version + 1;
    RETURN NEW;
END;
$$;

-- A new version is what a person would call a change, so neither a redelivery nor a photo makes one: every column is
-- compared except photo_count, last_photo_sync, source_version, search_vector and the two that the trigger sets. The
-- comparison stands here, not in the function: to_jsonb(NEW) there would rewrite every toasted column.
CREATE TRIGGER trigger_projects_touch
    BEFORE UPDATE ON projects.projects
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.customer_id, OLD.company_cam_id, OLD.name, OLD.description, OLD.type, OLD.priority,
            OLD.status, OLD.scheduled_start_date, OLD.actual_start_date, OLD.scheduled_end_date, OLD.actual_end_date,
            OLD.estimated_duration,
            OLD.service_street, OLD.service_city, OLD.service_state, OLD.service_postal_code, OLD.service_country,
            OLD.service_latitude, OLD.service_longitude,
            OLD.budget_amount, OLD.actual_cost, OLD.profit_margin, OLD.weather_restrictions, OLD.optimal_conditions,
            OLD.notes, OLD.specifications,
            OLD.created_at, OLD.created_by, OLD.updated_by, OLD.deleted_at, OLD.merged_into, OLD.status_before_archive
        ) IS DISTINCT FROM (
            NEW.id, NEW.customer_id, NEW.company_cam_id, NEW.name, NEW.description, NEW.type, NEW.priority,
            NEW.status, NEW.scheduled_start_date, NEW.actual_start_date, NEW.scheduled_end_date, NEW.actual_end_date,
            NEW.estimated_duration,
            NEW.service_street, NEW.service_city, NEW.service_state, NEW.service_postal_code, NEW.service_country,
            NEW.service_latitude, NEW.service_longitude,
            NEW.budget_amount, NEW.actual_cost, NEW.profit_margin, NEW.weather_restrictions, NEW.optimal_conditions,
            NEW.notes, NEW.specifications,
            NEW.created_at, NEW.created_by, NEW.updated_by, NEW.deleted_at, NEW.merged_into, NEW.status_before_archive
        )
    )
    EXECUTE FUNCTION projects.touch_row();

-- For tables that have no version.
CREATE FUNCTION projects.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;
