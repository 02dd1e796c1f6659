"""The file server: many reports in one object, an index at its end, and what writes, reads, serves and replays them."""
