"""What a store of objects is to the rest of Faultline; one suite of tests runs on every implementation."""

from collections.abc import AsyncIterator
from typing import Protocol

from app.model import Address
from app.records import Stored


class ObjectStore(Protocol):
    """A place for objects: a folder or an S3 bucket. Names are relative, with ``/``."""

    async def put(self, name: str, data: bytes) -> None:
        """Write a whole object, durable and visible at once or not at all; an existing one is replaced."""
        ...

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Read a range. Raises FileNotFoundError."""
        ...

    async def size(self, name: str) -> int:
        """Give an object's bytes. Raises FileNotFoundError."""
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order."""
        ...

    async def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no error."""
        ...

    async def ping(self) -> None:
        """Ask whether it answers and would take objects, as cheaply as can be. Raises StoreUnavailable."""
        ...


class Archive(Protocol):
    """The file server's reading side."""

    async def read(self, address: Address) -> Stored | None:
        """Give the report at an address by one ranged read, None where the archive does not have it (yet)."""
        ...
