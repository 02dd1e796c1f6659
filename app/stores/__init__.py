"""The stores: aggregates and administration in PostgreSQL, search, objects."""
