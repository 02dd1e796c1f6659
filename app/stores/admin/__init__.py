"""Projects, access, running processes and the schema migrations, in PostgreSQL."""
