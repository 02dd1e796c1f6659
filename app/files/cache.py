"""A bounded memory of what was read before, the least recently used going first."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Keeps values by name, up to a number of bytes in all."""

    def __init__(self, limit: int) -> None:
        """Take the limit in bytes; a value above it is not kept."""
        self._limit = limit
        self._used = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()

    @property
    def used(self) -> int:
        """Bytes that are kept."""
        return self._used

    def get(self, name: str) -> T | None:
        """Give a value that is kept, and remember that it was wanted."""
        known = self._values.get(name)
        if known is None:
            return None
        self._values.move_to_end(name)
        return known[0]

    def put(self, name: str, value: T, nbytes: int) -> None:
        """Keep a value of so many bytes, letting go of what was not wanted for the longest time."""
        self.drop(name)
        if nbytes > self._limit:
            return
        self._values[name] = (value, nbytes)
        self._used += nbytes
        while self._used > self._limit:
            _, (_, freed) = self._values.popitem(last=False)
            self._used -= freed

    def drop(self, name: str) -> None:
        """Forget a value."""
        known = self._values.pop(name, None)
        if known is not None:
            self._used -= known[1]
