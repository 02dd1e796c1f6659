"""The query API and the pages."""
