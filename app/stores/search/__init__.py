"""Search: PostgreSQL's full text, or Elasticsearch."""
