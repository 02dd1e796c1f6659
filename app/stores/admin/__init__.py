"""Projects, access, running processes and the schema itself, in PostgreSQL."""
