"""Keeps paintbox_customers as new as Salesforce."""
