"""Salesforce: its ids and records, and the three ways in which it pushes a change."""
