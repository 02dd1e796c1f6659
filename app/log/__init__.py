"""The log: its contract, its implementations, and the Faust transports over them."""
