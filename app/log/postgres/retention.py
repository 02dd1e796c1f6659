"""The daily tables of the log: one for each day of append, created ahead, dropped whole when it is too old."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app.postgres import Connection

DAYS_AHEAD: Final = 3
LOCK: Final = 0x4661756C746C6F67  # "Faultlog": one process at a time creates and drops days

LOCK_WAIT: Final = "set local lock_timeout = '5s'"
"""A reader that keeps a day locked must not hold up all appends, which wait behind the drop: it is retried later."""

TODAY: Final = "select (clock_timestamp() at time zone 'utc')::date"
CHILDREN: Final = """
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'log_records'::regclass order by c.relname"""
LOCK_PARTITIONS: Final = "select 1 from log_partitions order by topic_id, partition for no key update"
MOVE_START: Final = """
update log_partitions p set start = greatest(p.start, gone.last + 1)
from (
  select q.topic_id, q.partition, (
    select max(r."offset") from {child} r where r.topic_id = q.topic_id and r.partition = q.partition
  ) as last
  from log_partitions q
) gone
where gone.last is not null and p.topic_id = gone.topic_id and p.partition = gone.partition"""
FORGET_DELETED: Final = "delete from log_compacted where value is null and appended < $1"


def child_name(day: date) -> str:
    """Return the name of the table of a day."""
    return f"log_records_{day:%Y%m%d}"


def child_day(name: str) -> date:
    """Return the day of a table of this name."""
    digits = name.removeprefix("log_records_")
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


async def make_days(connection: "Connection") -> None:
    """Create the tables of today and the next days by the server's clock; call inside a transaction.

    A table is created and then attached: unlike creating it in place, that waits for no append.
    """
    today: date = await connection.fetchval(TODAY)
    wanted = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    if {child_name(day) for day in wanted} <= await _children(connection):
        return
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
    existing = await _children(connection)
    for day in wanted:
        if child_name(day) not in existing:
            await _create(connection, day)


async def drop_days(connection: "Connection", days: int) -> list[date]:
    """Drop the days that ended more than ``days`` days ago and return them; each partition's start moves up first.

    Call inside a transaction. Partitions are locked before the tables are, in the order of an append.
    """
    today: date = await connection.fetchval(TODAY)
    first_kept = today - timedelta(days=days)
    await connection.execute(LOCK_WAIT)
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
    old = [name for name in sorted(await _children(connection)) if child_day(name) < first_kept]
    if old:
        await connection.execute(LOCK_PARTITIONS)
        for name in old:
            await connection.execute(MOVE_START.format(child=name))
            await connection.execute(f"drop table {name}")
    await connection.execute(FORGET_DELETED, first_kept)
    return [child_day(name) for name in old]


async def _children(connection: "Connection") -> set[str]:
    return {row["relname"] for row in await connection.fetch(CHILDREN)}


async def _create(connection: "Connection", day: date) -> None:
    name, following = child_name(day), day + timedelta(days=1)
    await connection.execute(f"create table {name} (like log_records including all)")
    await connection.execute(
        f"alter table log_records attach partition {name} for values from ('{day}') to ('{following}')"
    )
