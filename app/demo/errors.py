"""What the demo fails by."""


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""
