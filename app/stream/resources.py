"""Values that a process opens once and shares, and those that are open while the agents of a role run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """One value for all concurrent users: the first opens it, the last closes it."""

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opener = opener
        self._context: AbstractAsyncContextManager[T] | None = None
        self._users = 0
        self._lock = asyncio.Lock()
        self._value: list[T] = []

    @asynccontextmanager
    async def use(self) -> AsyncIterator[T]:
        """Yield the value for the block."""
        async with self._lock:
            if self._users == 0:
                self._context = self._opener()
                self._value = [await self._context.__aenter__()]
            self._users += 1
        try:
            yield self._value[0]
        finally:
            async with self._lock:
                self._users -= 1
                if self._users == 0 and self._context is not None:
                    await self._context.__aexit__(None, None, None)


class Resource(Generic[T]):
    """A value that is open while the agents of its role run; ``name`` is for error messages."""

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        self._opener = opener
        self._name = name
        self._value: list[T] = []

    @property
    def value(self) -> T:
        """The opened value. Raises RuntimeError before the start and after the stop."""
        if not self._value:
            raise RuntimeError(f"{self._name} is open only while its role runs")
        return self._value[0]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keep the value open for the block."""
        async with self._opener() as value:
            self._value = [value]
            try:
                yield
            finally:
                self._value = []
