"""The contract of an object store; one suite of tests runs on every implementation (tests/contract)."""

from collections.abc import AsyncIterator
from typing import Protocol

from app.model import Address
from app.records import Stored


class ObjectStore(Protocol):
    """Stores objects in a folder or an S3 bucket. Names are relative, with ``/``.

    All methods raise StoreUnavailable, and BadName for a name that no object can have (``app.stores.objects.names``).
    """

    async def put(self, name: str, data: bytes) -> None:
        """Write an object, durable on return; it is visible whole or not at all, and replaces an existing one."""
        ...

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``start``. Raises FileNotFoundError."""
        ...

    async def size(self, name: str) -> int:
        """Return an object's size in bytes. Raises FileNotFoundError."""
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order."""
        ...

    async def delete(self, name: str) -> None:
        """Delete an object; a missing one is no error."""
        ...

    async def ping(self) -> None:
        """Check cheaply that the store answers and would accept objects. Raises StoreUnavailable."""
        ...


class Archive(Protocol):
    """The file server's reading side."""

    async def read(self, address: Address) -> Stored | None:
        """Return the report at an address by one ranged read, None where the archive does not have it (yet)."""
        ...
