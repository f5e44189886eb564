"""What a vendor said, kept apart from what we make of it: one merged record per object and id, a version per field."""
