-- A projection names every column that Salesforce feeds, and most changes are of none that is searched for: the vector is
-- made anew only where one of those differs. A row that has none gets one with any of them.

CREATE OR REPLACE FUNCTION customers.update_customer_search_vector() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.search_vector IS NOT NULL
           AND (OLD.first_name, OLD.last_name, OLD.email, OLD.company, OLD.phone)
               IS NOT DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.email, NEW.company, NEW.phone) THEN
            NEW.search_vector := OLD.search_vector;
            RETURN NEW;
        END IF;
    END IF;
    NEW.search_vector :=
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.first_name, '')), 'A') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.last_name, '')), 'A') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.email, '')), 'B') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.company, '')), 'B') ||
        setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.phone, '')), 'C') ||
        setweight(to_tsvector('pg_catalog.simple', regexp_replace(COALESCE(NEW.phone, ''), '[^0-9]', '', 'g')), 'C');
    RETURN NEW;
END;
$$;
