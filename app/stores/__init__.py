"""The stores' contracts and their implementations."""
