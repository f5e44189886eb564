-- Log tables are cut by month. Month bounds are midnight UTC, whatever the caller's time zone: bounds of two zones
-- leave a hole or overlap. What callers use runs as its owner, so a role that only has EXECUTE can keep the
-- partitions; rights on the rows come through the parent table.

-- Makes the partition of one month, moving the rows of that month that the default partition took in. Locks what the
-- attach will lock, in the order in which writers do (a referenced table, then the log), and gives up after 5 s:
-- PARTITION OF would hold ACCESS EXCLUSIVE on the parent, ATTACH lets writers of the other months go on.
CREATE FUNCTION integrations.create_monthly_partition(table_name text, month_start date) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET lock_timeout = '5s'
AS $$
DECLARE
    parent            CONSTANT regclass := to_regclass(format('integrations.%I', table_name));
    partition_name    CONSTANT text := table_name || to_char(month_start, '"_y"YYYY"m"MM');
    lower_bound       CONSTANT timestamptz := date_trunc('month', month_start::timestamp);
    upper_bound       CONSTANT timestamptz := lower_bound + interval '1 month';
    bound             CONSTANT text := format('FOR VALUES FROM (%L) TO (%L)', lower_bound, upper_bound);
    existing          regclass;
    existing_bound    text;
    referenced        regclass;
    time_column       name;
    default_partition regclass;
BEGIN
    IF octet_length(partition_name) > 63 THEN
        RAISE EXCEPTION 'the partition''s name % would be cut at 63 bytes', partition_name
            USING ERRCODE = 'name_too_long';
    END IF;

    SELECT key.attname, nullif(partitioned.partdefid, 0)
      INTO time_column, default_partition
      FROM pg_partitioned_table AS partitioned
      JOIN pg_attribute AS key ON key.attrelid = partitioned.partrelid AND key.attnum = partitioned.partattrs[0]
     WHERE partitioned.partrelid = parent AND partitioned.partstrat = 'r' AND partitioned.partnatts = 1
       AND key.atttypid = 'timestamptz'::regtype;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'integrations.% is not a table that is partitioned by a range of time', table_name
            USING ERRCODE = 'wrong_object_type';
    END IF;

    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', parent); -- one caller at a time
    existing := to_regclass(format('integrations.%I', partition_name));
    IF existing IS NOT NULL THEN
        SELECT pg_get_expr(child.relpartbound, child.oid)
          INTO existing_bound
          FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent = parent AND inhrelid = existing;
        IF existing_bound IS DISTINCT FROM bound THEN
            RAISE EXCEPTION '% exists, but not as the partition of % %', existing, parent, bound
                USING ERRCODE = 'duplicate_table';
        END IF;
        RETURN;
    END IF;

    FOR referenced IN
        SELECT DISTINCT confrelid::regclass FROM pg_constraint WHERE conrelid = parent AND contype = 'f' ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', referenced);
    END LOOP;
    EXECUTE format('CREATE TABLE integrations.%I (LIKE %s INCLUDING ALL)', partition_name, parent);
    IF default_partition IS NOT NULL THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_partition);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *)
             INSERT INTO integrations.%5$I SELECT * FROM moved',
            default_partition, time_column, lower_bound, upper_bound, partition_name
        );
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION integrations.%I %s', parent, partition_name, bound);
END;
$$;

-- Makes the partitions of the month of start_date and of the months_ahead that follow; those that exist stay as they
-- are. To be called daily; 55P03 (a lock was not to be had within 5 s) means: call it again.
CREATE FUNCTION integrations.create_monthly_partitions(
    table_name   text,
    start_date   date    DEFAULT (now() AT TIME ZONE 'UTC')::date,
    months_ahead integer DEFAULT 3
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF table_name IS NULL THEN
        RAISE EXCEPTION 'table_name is needed' USING ERRCODE = 'null_value_not_allowed';
    ELSIF start_date IS NULL OR NOT isfinite(start_date) THEN
        RAISE EXCEPTION 'start_date must be a day' USING ERRCODE = 'invalid_parameter_value';
    ELSIF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months_ahead must be 0 to 120' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR month IN 0..months_ahead LOOP
        PERFORM integrations.create_monthly_partition(
            table_name, (date_trunc('month', start_date::timestamp) + make_interval(months => month))::date
        );
    END LOOP;
END;
$$;

-- Removes what is older than a day: partitions that end by then, whose names it returns, and the default partition's
-- older rows. Irrevocable; rows of that time in a partition that ends later stay.
CREATE FUNCTION integrations.drop_partitions_before(table_name text, first_kept date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET lock_timeout = '5s'
AS $$
DECLARE
    parent            CONSTANT regclass := to_regclass(format('integrations.%I', table_name));
    keep_from         CONSTANT timestamptz := first_kept::timestamp;
    time_column       name;
    default_partition regclass;
    old_partition     text;
BEGIN
    IF keep_from IS NULL THEN
        RAISE EXCEPTION 'first_kept is needed' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT key.attname, nullif(partitioned.partdefid, 0)
      INTO time_column, default_partition
      FROM pg_partitioned_table AS partitioned
      JOIN pg_attribute AS key ON key.attrelid = partitioned.partrelid AND key.attnum = partitioned.partattrs[0]
     WHERE partitioned.partrelid = parent AND partitioned.partstrat = 'r' AND partitioned.partnatts = 1
       AND key.atttypid = 'timestamptz'::regtype;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'integrations.% is not a table that is partitioned by a range of time', table_name
            USING ERRCODE = 'wrong_object_type';
    END IF;

    FOR old_partition IN
        SELECT inhrelid::regclass::text -- as text: a regclass that is dropped shows its number
          FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent = parent
           AND substring(pg_get_expr(child.relpartbound, child.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz
               <= keep_from
         ORDER BY child.relname
    LOOP
        EXECUTE format('DROP TABLE %s', old_partition);
        RETURN NEXT old_partition;
    END LOOP;
    IF default_partition IS NOT NULL THEN
        EXECUTE format('DELETE FROM %s WHERE %I < %L', default_partition, time_column, keep_from);
    END IF;
END;
$$;
