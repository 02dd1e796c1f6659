"""Search over events: PostgreSQL's full text, or Elasticsearch."""
