"""The second process of this folder: what came through the doors becomes rows of `integrations.webhook_events`."""
