"""The processes: how each starts, says how it does, and ends."""
