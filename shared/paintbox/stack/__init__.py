"""The local stack: PostgreSQL, Kafka, the simulators and every service, as processes of this machine."""
