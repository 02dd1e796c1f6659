"""What agents compute of a batch: pure functions of its records, without Faust, stores or a clock."""
