"""What was set aside, records and deliveries, and what an operator decides of it."""
