-- The Account of a customer's Contact as it is published: without it a Contact that moves to an Account with the same
-- columns, or to one that nobody has told us of yet, would be no change of the row, and so never be announced.
--
-- NULL until the customer is next projected, which then announces it. trigger_customers_touch does not compare it:
-- what a person would call a change is in the columns that come of the Account.

ALTER TABLE customers.customers ADD COLUMN salesforce_account_id varchar(18);
