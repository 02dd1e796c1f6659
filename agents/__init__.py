"""One module a role: take a batch, call pure functions, await the write."""
