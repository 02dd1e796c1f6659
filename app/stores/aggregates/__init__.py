"""Windows, groups, releases and what people decide about them, in PostgreSQL."""
