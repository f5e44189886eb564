"""What at least two services need, in rooms; it knows no service."""
