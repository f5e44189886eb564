-- Nobody but the owner, until there is a service that reads estimates. The estimates application, where it logs in as
-- another role, must have been granted CONNECT by name: what it had through PUBLIC ends here.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    IF to_regnamespace('public') IS NOT NULL THEN
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END IF;
END;
$$;

REVOKE ALL ON FUNCTION estimates.validate_federation_references() FROM PUBLIC;
