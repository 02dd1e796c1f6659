"""The query API (API.md) and the pages (PAGES.md)."""
