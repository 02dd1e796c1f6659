"""The greatest received time among the records behind an owner's own, accepted commit: what expiry is judged by.

Not the running maximum (a kill before the next commit would bring back records whose first copies were forgotten),
not a maximum from an earlier owner, not that of an owner whose commit was refused (EXACTNESS.md, "Identity").
"""

from collections import deque


class Behind:
    """Follows one claim of one partition; a new claim starts with nothing."""

    def __init__(self, epoch: int) -> None:
        """Take the claim's epoch."""
        self.epoch = epoch
        self._handled: deque[tuple[int, int]] = deque()
        self._received: int | None = None

    def handled(self, last: int, received: int) -> None:
        """Note a batch that is done: its last offset and its greatest received time (ms)."""
        self._handled.append((last, received))

    def received(self, accepted: int | None) -> int | None:
        """Return the greatest received time (ms) at or before the last accepted offset; None before the first commit."""
        if accepted is None:
            return None
        while self._handled and self._handled[0][0] <= accepted:
            _, received = self._handled.popleft()
            self._received = received if self._received is None else max(self._received, received)
        return self._received
