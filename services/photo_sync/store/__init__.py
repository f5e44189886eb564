"""paintbox_projects in SQL. The caller owns the transaction; every statement goes in the order of its primary key."""
