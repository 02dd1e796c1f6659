"""What every way to rank the groups of a range has in common: what is asked, and the SQL of the sums."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from app.stores.aggregates.ranges import Piece, columns

Sort = Literal["last_seen", "first_seen", "count", "users", "rate", "growth"]
SORTS: Final[tuple[Sort, ...]] = ("last_seen", "first_seen", "count", "users", "rate", "growth")

TUNED: Final = "set local work_mem = '64MB'; set local jit = off"
"""What 200,000 groups are summed in without going to disk; compiling a query takes longer than these run."""


class Asked(NamedTuple):
    """What a page of groups is asked for."""

    project: int
    pieces: list[Piece]
    release: str
    status: str
    sort: Sort
    limit: int
    cursor: str
    recent: list[Piece]
    """The last minutes of the range."""
    before: list[Piece]
    """The equally long range before."""

    def given(self, rank: int | None, after: str, most: int) -> list[Any]:
        """Give the parameters $1 to $9 of the SQL here: at most ``most`` groups that follow (``rank``, ``after``)."""
        return [self.project, self.release, *columns(self.pieces), self.status, rank, after, most]


class Counted(NamedTuple):
    """A group with its sums of the range, and what it is ranked by."""

    id: str
    crashes: int
    messages: int
    rank: int


# A sum of floats is exact below 2^53, and a quarter quicker than one of bigints, which PostgreSQL makes in numeric.
COUNTS: Final = """coalesce(sum((w.counts ->> 'crashes')::float8), 0)::bigint as crashes,
         coalesce(sum((w.counts ->> 'messages')::float8), 0)::bigint as messages"""

WINDOWS: Final = """
  from unnest($3::int[], $4::bigint[], $5::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high"""

# A list of open groups shows the regressed ones too: they are open again.
CHOSEN: Final = "($6::text = '' or coalesce(s.status, 'open') = $6 or ($6 = 'open' and s.status = 'regressed'))"


def sums(more: str = "") -> str:
    """Give the common table ``sums``: the groups that have windows in the range, merged ones as their root."""
    return f"""
with sums as (
  select coalesce(a.root, w.grp) as id, {COUNTS}{more}{WINDOWS} and w.grp <> ''
  left join group_aliases a on a.id = w.grp
  group by 1)"""


def first(found: Sequence[Counted], most: int) -> list[Counted]:
    """Give the first of a list of groups, in the order of all lists."""
    return sorted(found, key=lambda each: (each.rank, each.id), reverse=True)[:most]
