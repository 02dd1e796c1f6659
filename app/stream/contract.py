"""A role as agents, consumers and producers use it; ``app.stream.role.RoleApp`` fulfils it.

The protocol keeps Faust out of agents, and keeps the files of this package free of a circle of imports.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from app.log.batch import Batch, Claim
from app.log.contract import NewRecord
from app.log.open import AnyLog
from app.settings import Settings
from app.state.table import DurableTable
from app.stream.resources import Resource
from tables.spec import TableSpec

if TYPE_CHECKING:
    from app.postgres import Pool

T = TypeVar("T")

Handle = Callable[[Batch, Claim], Awaitable[None]]
"""Makes one batch durable: first what goes downstream, then the role's own state."""


class Role(Protocol):
    """One role: its settings, its log, and what its agents, its consumer and its Faust App call."""

    role: str
    settings: Settings
    generation: int
    idle_seconds: float
    round_seconds: float
    """Seconds between two readings of the role's topics at least, while they are not full batches."""
    log: AnyLog
    """Open from the start of the App to its stop."""

    # -- what an agent declares and calls ---------------------------------------------------------------------------

    def consume(self, name: str, handle: Handle, *, rounds: int = 1) -> None:
        """Call ``handle`` with each batch of a topic (unqualified), those of one partition in order.

        The role reads its topics at most once in ``rounds`` times the round of the settings.
        """
        ...

    def durable_table(self, spec: TableSpec) -> DurableTable:
        """Declare a table. Raises ValueError for a second one of its name."""
        ...

    def resource(self, name: str, opener: Callable[[], AbstractAsyncContextManager[T]]) -> Resource[T]:
        """Declare a resource that is opened before the agents start and closed after they stopped."""
        ...

    def pool(self) -> "AbstractAsyncContextManager[Pool]":
        """Return the process's pool of connections to the database, open for the block that enters it."""
        ...

    async def produce(self, records: Sequence[NewRecord]) -> None:
        """Append records to the log, all or none; durable on return. Raises what the log's append raises."""
        ...

    def accepted(self, topic: str, partition: int) -> int | None:
        """Return the last offset of a source that a commit of the present claim covered, None before the first."""
        ...

    def partitions(self, name: str) -> int:
        """Return the number of partitions of a topic (unqualified)."""
        ...

    # -- what the Faust App and the consumer call -------------------------------------------------------------------

    async def open(self, enter: Callable[[AbstractAsyncContextManager[Any]], Awaitable[Any]]) -> None:
        """Open log and resources through ``enter``, which closes them at the stop, and create missing topics."""
        ...

    async def open_partitions(self, claimed: dict[int, int]) -> None:
        """Recover the tables of newly claimed partition numbers, each with its epoch. Raises LogError, OSError."""
        ...

    def close_partitions(self, numbers: Iterable[int]) -> None:
        """Close the tables of partition numbers; a batch that is still in work on them finds its claim gone."""
        ...


def role_of(app: Any) -> Role:  # noqa: ANN401  Faust types its consumers' and producers' App as an interface of its own
    """Return the role whose Faust App this is."""
    role: Role = app.role_app
    return role
