-- Tables of the rates agent. Rows and progress change in one transaction, by compare-and-set (EXACTNESS.md, "Rates").

create table windows (
  project    bigint not null,
  kind       "char" not null,            -- 'c' counts, 'l' ledger
  grp        text not null default '',   -- group id; of the ledger the category
  release    text not null default '',
  size       int not null,               -- s: 60, 3600, 86400
  start      bigint not null,            -- s since the epoch
  generation int not null,               -- of `deltas`; with version: the last delta counted
  version    bigint not null,
  counts     jsonb not null,             -- metric -> integer
  sketches   bytea,                      -- msgpack map: sketch name -> bytes of tables.sketch; null for none
  primary key (project, kind, grp, release, size, start)
) with (fillfactor = 80);
alter table windows alter column sketches set storage external;   -- hashes and registers do not compress
-- For the lists of groups, of releases, and the ledger of all projects.
create index windows_of_groups on windows (project, release, size, start) where kind = 'c' and grp <> '';
create index windows_of_releases on windows (project, size, start) where kind = 'c' and grp = '' and release <> '';
create index windows_of_ledger on windows (start) where kind = 'l';

create table progress (
  deltas_topic     text not null,
  deltas_partition int not null,
  source_topic     text not null,
  source_partition int not null,
  last             bigint not null,      -- greatest source offset counted
  received         bigint not null,      -- greatest received time, ms
  primary key (deltas_topic, deltas_partition, source_topic, source_partition)
) with (fillfactor = 50);

create table groups (
  id               text primary key,
  project          bigint not null,
  title            text not null,
  culprit          text not null,
  platform         text not null,
  level            text not null,
  type             text not null,
  unhandled        boolean not null,
  grouping         text not null,
  first_release    text not null default '',
  first_seen       bigint not null,      -- ms, event time
  last_seen        bigint not null,
  sample_event     text not null,
  sample_topic     text not null,
  sample_partition int not null,
  sample_offset    bigint not null
);
create index groups_by_project on groups (project, last_seen desc);

create table releases (
  project    bigint not null,
  release    text not null,
  first_seen bigint not null,
  last_seen  bigint not null,
  primary key (project, release)
);

-- Decisions of people about a group; agents write only the regression of a resolved one.
create table group_states (
  id      text primary key,
  project bigint not null,
  status  text not null check (status in ('open', 'resolved', 'ignored', 'regressed')),
  since   bigint not null,               -- ms
  version bigint not null default 1
);

-- Merges are applied when numbers are read; members keep their own counts, so that a merge can be undone.
create table group_aliases (
  id      text primary key,
  project bigint not null,
  root    text not null,
  since   timestamptz not null default now()
);
create index group_aliases_root on group_aliases (root);

-- One row a notice; the id follows from the group and the address of the first counted event: a redelivery adds none.
create table notices (
  id      text primary key,
  project bigint not null,
  grp     text not null,
  kind    text not null check (kind in ('new', 'regressed')),
  at      bigint not null,
  created timestamptz not null default now()
);
create index notices_by_project on notices (project, created desc);
