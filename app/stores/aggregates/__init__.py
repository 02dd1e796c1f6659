"""Windows, groups, releases, notices and decisions about groups, in PostgreSQL."""
