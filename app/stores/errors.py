"""The error that every store raises while it cannot work."""


class StoreUnavailable(Exception):
    """A store does not answer, or refuses for a passing reason. Nothing is lost by waiting: back off and retry."""
