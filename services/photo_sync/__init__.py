"""Keeps paintbox_projects as new as CompanyCam."""
