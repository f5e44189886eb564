"""The doors: what the vendors push is checked, answered after Kafka has it, and logged."""
