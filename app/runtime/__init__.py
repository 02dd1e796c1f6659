"""The processes: how each starts, logs, reports its state, and ends."""
