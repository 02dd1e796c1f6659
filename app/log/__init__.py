"""The log: its contract and its two implementations, in PostgreSQL and in Kafka."""
