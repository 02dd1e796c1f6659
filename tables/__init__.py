"""What is kept by cell and window, how it merges, when it expires. Pure: agents read and write (EXACTNESS.md)."""
