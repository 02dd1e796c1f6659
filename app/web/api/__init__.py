"""The HTTP API: its routes, its handlers, and what goes in and out as types."""
