"""The edge: authenticate, limit, unpack, route by type, append."""
