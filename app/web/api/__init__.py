"""The HTTP API: its routes and handlers, and its requests and replies as types (API.md, "HTTP API")."""
