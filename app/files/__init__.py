"""The file server: many reports in one object, each read by one ranged GET."""
