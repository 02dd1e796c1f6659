"""The greatest received time among the records behind an owner's own, accepted commit: expiry is judged by it.

It is not the running maximum: a kill before the next commit would bring back records whose first copies had expired.
Nor is it the maximum of an earlier owner, or of an owner whose commit was refused (EXACTNESS.md, "Identity").
"""

from collections import deque


class CommittedReceived:
    """Follows one claim of one partition, with its epoch; a new claim starts with nothing."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._handled: deque[tuple[int, int]] = deque()
        self._received: int | None = None

    def handled(self, last: int, received: int) -> None:
        """Record a finished batch: its last offset and its greatest received time (ms)."""
        self._handled.append((last, received))

    def received(self, accepted: int | None) -> int | None:
        """Return the greatest received time (ms) up to the last accepted offset; None before the first commit."""
        if accepted is None:
            return None
        while self._handled and self._handled[0][0] <= accepted:
            _, received = self._handled.popleft()
            self._received = received if self._received is None else max(self._received, received)
        return self._received
