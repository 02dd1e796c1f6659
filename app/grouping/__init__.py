"""Which group a crash belongs to, and why."""
