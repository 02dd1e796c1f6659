"""How the state of agents is kept: durable tables, and their local copies in RocksDB."""
