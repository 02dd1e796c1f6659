"""The agents of the workers, one module a role, in the order in which the data passes them.

- ``crashes``, ``sessions``, ``timings``: source topics -> ``processed`` and ``deltas`` (``source``: the common order);
- ``rates``: ``deltas`` -> windows, groups and progress in PostgreSQL, and the topic ``rates``;
- ``archive``: ``processed`` -> objects of packed reports;
- ``search``: ``processed`` -> searchable documents.

Each takes a batch, calls the pure functions of ``agents.batch`` and ``tables``, and awaits the writes. ``setup(role)``
registers a module's agents.
"""
