"""Migrations of paintbox_estimates; the service that uses them comes later."""
