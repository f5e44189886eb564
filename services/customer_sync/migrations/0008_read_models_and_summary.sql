-- No query crosses databases: what the summary needs of estimates and projects arrives as events. A row per remote
-- entity, not a running count, so a repeated event changes nothing; remote states are text, so a new one is no error.

CREATE TABLE customers.estimate_facts (
    estimate_id    uuid PRIMARY KEY,
    customer_id    uuid NOT NULL,
    status         text,
    selected_tier  text,
    good_price     numeric(12, 2),
    better_price   numeric(12, 2),
    best_price     numeric(12, 2),
    created_at     timestamptz,
    source_version bigint NOT NULL DEFAULT 0,
    deleted_at     timestamptz
);

CREATE INDEX idx_estimate_facts_customer_id ON customers.estimate_facts (customer_id);

CREATE TABLE customers.project_facts (
    project_id     uuid PRIMARY KEY,
    customer_id    uuid NOT NULL,
    name           text,
    status         text NOT NULL,
    created_at     timestamptz,
    source_version bigint NOT NULL DEFAULT 0,
    deleted_at     timestamptz
);

CREATE INDEX idx_project_facts_customer_id ON customers.project_facts (customer_id);

-- What is deleted counts nowhere, and an estimate whose tier nobody has chosen yet has no value.
CREATE MATERIALIZED VIEW customers.customer_summary AS
SELECT c.id,
       c.first_name,
       c.last_name,
       c.email,
       c.company,
       c.account_type,
       c.status,
       c.created_at,
       COALESCE(est_stats.estimate_count, 0) AS estimate_count,
       COALESCE(est_stats.total_estimate_value, 0) AS total_estimate_value,
       COALESCE(proj_stats.project_count, 0) AS project_count,
       COALESCE(proj_stats.active_project_count, 0) AS active_project_count,
       GREATEST(c.updated_at, est_stats.last_estimate_date, proj_stats.last_project_date) AS last_activity_date
  FROM customers.customers AS c
  LEFT JOIN (
      SELECT e.customer_id,
             count(*) AS estimate_count,
             sum(CASE e.selected_tier
                     WHEN 'GOOD' THEN e.good_price
                     WHEN 'BETTER' THEN e.better_price
                     WHEN 'BEST' THEN e.best_price
                 END) AS total_estimate_value,
             max(e.created_at) AS last_estimate_date
        FROM customers.estimate_facts AS e
       WHERE e.deleted_at IS NULL
       GROUP BY e.customer_id
  ) AS est_stats ON est_stats.customer_id = c.id
  LEFT JOIN (
      SELECT p.customer_id,
             count(*) AS project_count,
             count(*) FILTER (WHERE p.status IN ('SCHEDULED', 'IN_PROGRESS')) AS active_project_count,
             max(p.created_at) AS last_project_date
        FROM customers.project_facts AS p
       WHERE p.deleted_at IS NULL
       GROUP BY p.customer_id
  ) AS proj_stats ON proj_stats.customer_id = c.id
 WHERE c.deleted_at IS NULL;

CREATE UNIQUE INDEX uq_customer_summary_id ON customers.customer_summary (id); -- REFRESH CONCURRENTLY needs one
CREATE INDEX idx_customer_summary_account_type ON customers.customer_summary (account_type);
CREATE INDEX idx_customer_summary_status ON customers.customer_summary (status);
CREATE INDEX idx_customer_summary_last_activity ON customers.customer_summary (last_activity_date DESC);

-- Runs as the owner: until PostgreSQL 17 nobody else may refresh, whatever the grants. Plain where the view was never
-- populated (a restored schema), which CONCURRENTLY refuses.
CREATE FUNCTION customers.refresh_customer_summary() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (SELECT relispopulated FROM pg_class WHERE oid = 'customers.customer_summary'::regclass) THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY customers.customer_summary;
    ELSE
        REFRESH MATERIALIZED VIEW customers.customer_summary;
    END IF;
END;
$$;
