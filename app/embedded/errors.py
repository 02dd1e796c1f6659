"""The error of the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started; the text says why and what to do."""

    code = "embedded_postgres"
