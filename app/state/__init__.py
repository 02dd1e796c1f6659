"""The state of agents: durable tables, and their local copies in RocksDB."""
