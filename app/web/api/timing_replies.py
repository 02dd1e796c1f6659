"""What the API says of timings, as types (see ``app.web.api.replies``)."""

import msgspec
from msgspec import field


class TimingReply(msgspec.Struct):
    """How long one thing took: count, and percentiles in ms within 1 % (CLS, a vital, is a score, not a time)."""

    name: str
    """A path with ids as ``{id}``, or what the program called it; ``(other)`` is what had no place of its own."""
    kind: str
    """page, view, request, asset, cached, custom or vital."""
    count: int
    p50: float
    p75: float
    p95: float
    p99: float


class TimingsReply(msgspec.Struct):
    """The most frequent names; ``total`` is how many there are, ``sizes`` are the sizes in seconds of the windows."""

    timings: list[TimingReply]
    total: int
    start: str = field(name="from")
    to: str = ""
    sizes: list[int] = []
    complete_until: str | None = None
