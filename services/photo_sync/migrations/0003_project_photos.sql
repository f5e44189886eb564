CREATE TABLE projects.project_photos (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id           uuid NOT NULL,
    company_cam_id       varchar(50),

    url                  text NOT NULL,
    thumbnail_url        text,
    original_filename    varchar(500),
    file_size            bigint, -- bytes
    mime_type            varchar(100) NOT NULL DEFAULT 'application/octet-stream', -- CompanyCam's photo has none
    width                integer, -- pixels
    height               integer,

    category             projects.photo_category_enum NOT NULL DEFAULT 'PROGRESS', -- nor a category
    tags                 text[],
    description          text,
    captured_at          timestamptz NOT NULL,
    uploaded_at          timestamptz NOT NULL DEFAULT now(),

    latitude             decimal(10, 8),
    longitude            decimal(11, 8),
    location_description text,

    phase                projects.project_phase_enum,
    room                 varchar(200),
    surface              varchar(200),

    company_cam_metadata jsonb,
    sync_status          projects.photo_sync_status_enum NOT NULL DEFAULT 'PENDING',
    last_sync_at         timestamptz,

    ai_analysis          jsonb,

    captured_by          uuid,
    uploaded_by          uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the system

    CONSTRAINT project_photos_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES projects.projects (id) ON DELETE CASCADE,
    CONSTRAINT project_photos_company_cam_id_key UNIQUE (company_cam_id),
    CONSTRAINT project_photos_location_is_on_earth CHECK (
        latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180
    )
);

CREATE INDEX idx_project_photos_project_id ON projects.project_photos (project_id);
CREATE INDEX idx_project_photos_category ON projects.project_photos (category);
CREATE INDEX idx_project_photos_captured_at ON projects.project_photos (captured_at DESC);
CREATE INDEX idx_project_photos_sync_status ON projects.project_photos (sync_status)
    WHERE sync_status IN ('PENDING', 'SYNCING', 'FAILED'); -- what somebody looks up, not what is done
CREATE INDEX idx_project_photos_tags ON projects.project_photos USING gin (tags);
CREATE INDEX idx_project_photos_location ON projects.project_photos
    USING gist (point(longitude, latitude))
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL;

-- Keeps projects.photo_count at the photos that are not DELETED, and last_photo_sync at the latest upload ever seen.
-- Once a statement, not once a photo: an UPDATE of the project for each of 20,000 photos took 7 s and left as many dead
-- rows. The projects are locked in the order of their ids first: two batches that touch the same two do not deadlock.
-- A statement that changes no photo's project, upload time or deletion locks no project.
CREATE FUNCTION projects.maintain_project_photo_count() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    project_ids uuid[];
    differences bigint[];
    uploads     timestamptz[];
BEGIN
    -- Three queries, because each trigger sees its own transition tables only.
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(project_id), array_agg(difference), array_agg(uploaded_at)
          INTO project_ids, differences, uploads
          FROM (
              SELECT project_id, count(*) AS difference, max(uploaded_at) AS uploaded_at
                FROM new_rows
               WHERE sync_status <> 'DELETED'
               GROUP BY project_id
          ) AS changed;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(project_id), array_agg(difference), array_agg(uploaded_at)
          INTO project_ids, differences, uploads
          FROM (
              SELECT project_id, -count(*) AS difference, NULL::timestamptz AS uploaded_at
                FROM old_rows
               WHERE sync_status <> 'DELETED'
               GROUP BY project_id
          ) AS changed;
    ELSE
        SELECT array_agg(project_id), array_agg(difference), array_agg(uploaded_at)
          INTO project_ids, differences, uploads
          FROM (
              SELECT project_id,
                     sum(sign)::bigint AS difference,
                     max(uploaded_at) FILTER (WHERE sign = 1) AS uploaded_at
                FROM (
                    (
                        SELECT 1 AS sign, id, project_id, uploaded_at FROM new_rows WHERE sync_status <> 'DELETED'
                        EXCEPT ALL
                        SELECT 1, id, project_id, uploaded_at FROM old_rows WHERE sync_status <> 'DELETED'
                    )
                    UNION ALL
                    (
                        SELECT -1, id, project_id, uploaded_at FROM old_rows WHERE sync_status <> 'DELETED'
                        EXCEPT ALL
                        SELECT -1, id, project_id, uploaded_at FROM new_rows WHERE sync_status <> 'DELETED'
                    )
                ) AS moved
               GROUP BY project_id
          ) AS changed;
    END IF;

    IF project_ids IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM projects.projects WHERE id = ANY (project_ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE projects.projects AS project
       SET photo_count     = greatest(0, project.photo_count + changed.difference),
           last_photo_sync = greatest(project.last_photo_sync, changed.uploaded_at)
      FROM unnest(project_ids, differences, uploads) AS changed (project_id, difference, uploaded_at)
     WHERE project.id = changed.project_id
       AND (changed.difference <> 0 OR changed.uploaded_at > COALESCE(project.last_photo_sync, '-infinity'));
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_project_photo_count_insert
    AFTER INSERT ON projects.project_photos
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION projects.maintain_project_photo_count();

CREATE TRIGGER trigger_project_photo_count_delete
    AFTER DELETE ON projects.project_photos
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION projects.maintain_project_photo_count();

-- A photo that moves to another project, is marked DELETED or comes back.
CREATE TRIGGER trigger_project_photo_count_update
    AFTER UPDATE ON projects.project_photos
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION projects.maintain_project_photo_count();
