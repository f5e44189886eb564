-- The estimates application has its own table, which this leaves as it is. Where there is none (a new machine, a test),
-- it is made with the columns that the design's query reads, a key and a time of change; one that lacks any of the
-- query's columns is an error now, not at the first event.

CREATE SCHEMA IF NOT EXISTS estimates;

DO $$
DECLARE
    missing text;
BEGIN
    IF to_regclass('estimates.estimates') IS NULL THEN
        CREATE TABLE estimates.estimates (
            id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            customer_id   uuid NOT NULL,
            selected_tier varchar(10), -- NULL until the customer has chosen
            good_price    numeric(12, 2),
            better_price  numeric(12, 2),
            best_price    numeric(12, 2),
            created_at    timestamptz NOT NULL DEFAULT now(),
            updated_at    timestamptz NOT NULL DEFAULT now(),

            CONSTRAINT estimates_selected_tier_is_known CHECK (selected_tier IN ('GOOD', 'BETTER', 'BEST'))
        );
        CREATE INDEX idx_estimates_customer_id ON estimates.estimates (customer_id);
        RETURN;
    END IF;

    SELECT string_agg(needed.name, ', ' ORDER BY needed.place)
      INTO missing
      FROM unnest(ARRAY[
               'customer_id', 'selected_tier', 'good_price', 'better_price', 'best_price', 'created_at'
           ]) WITH ORDINALITY AS needed (name, place)
     WHERE NOT EXISTS (
               SELECT
                 FROM pg_catalog.pg_attribute
                WHERE attrelid = 'estimates.estimates'::regclass AND attname = needed.name
                  AND attnum > 0 AND NOT attisdropped
           );
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'estimates.estimates exists, but without: %', missing
            USING ERRCODE = 'undefined_column',
                  HINT = 'Add the missing columns and migrate again.';
    END IF;
END;
$$;
