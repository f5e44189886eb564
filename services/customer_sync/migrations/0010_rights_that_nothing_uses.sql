-- customer_sync reads and writes none of these: what will, gets the right with it.

REVOKE ALL ON
    customers.salesforce_users,
    customers.estimate_facts,
    customers.customer_summary
FROM paintbox_customer_sync;

REVOKE EXECUTE ON FUNCTION
    customers.refresh_customer_summary(),
    customers.salesforce_id18(text),
    customers.validate_federation_references()
FROM paintbox_customer_sync;
