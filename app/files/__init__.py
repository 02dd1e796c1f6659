"""The archive of raw reports: packed objects with an index at their end, written, read back, streamed and served."""
