-- The projects of a customer who changed are looked at again, also where nothing of them names the customer any more.
CREATE INDEX idx_customer_matches_customer_id ON projects.customer_matches (customer_id) WHERE customer_id IS NOT NULL;
