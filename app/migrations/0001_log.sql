-- The log in PostgreSQL: topics, partitions, records, commits of groups.
-- A topic's name holds the generation ('1.crashes'). Times are in ms since the epoch.

create table log_topics (
  id         int generated always as identity primary key,
  name       text not null unique,
  partitions int not null check (partitions > 0),
  policy     text not null check (policy in ('delete', 'compact')),
  sealed     boolean not null default false
);

-- UPDATE ... SET next = next + n in the insert's own transaction locks the row, so that offsets become visible in order
-- and without gaps.
create table log_partitions (
  topic_id  int not null references log_topics,
  partition int not null,
  start     bigint not null default 0,
  next      bigint not null default 0,
  primary key (topic_id, partition)
) with (fillfactor = 50);

-- Topics of policy 'delete'. Retention drops whole time partitions, never rows. Children are created ahead, one for each
-- day of `appended`, named log_records_YYYYMMDD.
create table log_records (
  topic_id  int not null,
  partition int not null,
  "offset"  bigint not null,
  appended  date not null,
  stamp     bigint not null,
  key       bytea,
  value     bytea,
  headers   bytea,
  primary key (topic_id, partition, "offset", appended)
) partition by range (appended);
alter table log_records alter column value set storage external;

-- Topics of policy 'compact': the older record of a key is deleted in the transaction that writes the newer. A deleted
-- key stays as a record without value as long as retention keeps records, so that every reader sees the deletion.
create table log_compacted (
  topic_id  int not null,
  partition int not null,
  "offset"  bigint not null,
  appended  date not null,
  stamp     bigint not null,
  key       bytea not null,
  value     bytea,
  headers   bytea,
  primary key (topic_id, partition, "offset")
) with (autovacuum_vacuum_scale_factor = 0.05);  -- each write leaves a dead row
alter table log_compacted alter column value set storage external;
create unique index log_compacted_key on log_compacted (topic_id, partition, key);
create index log_compacted_deleted on log_compacted (appended) where value is null;

-- Reserves offsets for `counts` records of each partition. Append, seal and retention lock the rows in one order, so that
-- they cannot deadlock. `sealed` is read by a statement that begins after the locks are held: sealing holds them too, so
-- an append is either complete before it or sees it. The day is the clock's at that moment, not the transaction's start:
-- within a partition days then ascend with offsets.
create function log_reserve(topic_ids int[], partitions int[], counts int[])
returns table (topic_id int, partition int, first bigint, appended date, sealed boolean)
language plpgsql as $$
#variable_conflict use_column
begin
  perform 1
  from log_partitions p join unnest(topic_ids, partitions) as u (t, n) on p.topic_id = u.t and p.partition = u.n
  order by p.topic_id, p.partition
  for no key update of p;
  return query
  update log_partitions p set next = p.next + u.count
  from unnest(topic_ids, partitions, counts) as u (t, n, count) join log_topics topic on topic.id = u.t
  where p.topic_id = u.t and p.partition = u.n
  returning p.topic_id, p.partition, p.next - u.count, (clock_timestamp() at time zone 'utc')::date, topic.sealed;
end
$$;

-- committed = the next offset that the group will read.
create table log_commits (
  "group"   text not null,
  topic_id  int not null,
  partition int not null,
  committed bigint not null,
  primary key ("group", topic_id, partition)
) with (fillfactor = 50);

-- A member is alive while its backend is: (pid, backend_start) in pg_stat_activity.
create table log_members (
  "group"       text not null,
  member        uuid not null,
  pid           int not null,
  backend_start timestamptz not null,
  topics        text[] not null,
  joined        timestamptz not null default now(),
  primary key ("group", member)
);

-- The generation that is open; the older ones are sealed.
create table log_generations (
  generation int primary key,
  opened     timestamptz not null default now(),
  sealed     timestamptz
);
insert into log_generations (generation) values (1);
