"""How a store says that it cannot work for now."""


class StoreUnavailable(Exception):
    """A store does not answer or refuses for now: back off and try again; nothing is lost by waiting."""
