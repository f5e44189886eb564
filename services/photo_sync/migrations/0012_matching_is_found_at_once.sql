-- Every project and every customer is looked up by these, a batch at a time: without a list of pending entries, which
-- each look-up would read from its beginning to its end (up to 4 MB, until a vacuum).

ALTER INDEX projects.idx_customer_refs_salesforce_ids SET (fastupdate = off);
ALTER INDEX projects.idx_customer_matches_relation_ids SET (fastupdate = off);

SELECT gin_clean_pending_list('projects.idx_customer_refs_salesforce_ids'),
       gin_clean_pending_list('projects.idx_customer_matches_relation_ids');
