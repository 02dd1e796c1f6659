"""What can be wrong with an embedded PostgreSQL."""


class EmbeddedError(Exception):
    """It cannot be started; the text says why and what to do."""
