"""The one shared database of the integrations: its store and its migrations."""
