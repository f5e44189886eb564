-- A match that was taken over from what was published (see `paintbox restored`): nobody knows on which basis it was made.

ALTER TABLE projects.customer_matches
    DROP CONSTRAINT customer_matches_basis_is_known,
    ADD CONSTRAINT customer_matches_basis_is_known CHECK (
        basis IN ('relation_id', 'email', 'phone', 'address', 'operator', 'published')
    );
