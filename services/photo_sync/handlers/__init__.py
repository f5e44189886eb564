"""What photo_sync does with each topic, and how what is in the mirror becomes rows."""
