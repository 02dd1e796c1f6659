-- Versions of the grouping by project, rules of a project, and the comparison of keys (app/runtime/kinship.py).

-- The grouping that ingest stamps: an existing project stays on g1, a new one is made with g2. `rules` is the number of
-- the newest version of the project's rules, 0 for none.
alter table projects
  add column grouping text not null default 'g1',
  add column rules    int not null default 0;

-- Versions of a project's rules: immutable, as stored records name them. Each holds all rules in force.
create table project_rules (
  project bigint not null references projects,
  version int not null check (version > 0),
  created timestamptz not null default now(),
  author  text not null check (author in ('person', 'automatic')),
  body    jsonb not null,                -- app.stores.admin.rules.Body
  primary key (project, version)
);

alter table groups
  add column cause text not null default '',                  -- of the title, where another exception decided
  add column shown bigint generated always as identity;       -- order of insertion: a component goes by its least

-- False from the start for what no comparison waits for; rates sets it, the comparison clears it within a second.
alter table notices add column pending boolean not null default false;
create index notices_pending on notices (project, grp) where pending;

-- The first sight of a key in each build (a release; where there is none, a day): what keys are compared by.
create table group_sights (
  project   bigint not null,
  grp       text not null,
  build     text not null,
  received  bigint not null,             -- ms; with the address the order of birth; the least of `firsts`
  topic     text not null,
  partition int not null,
  "offset"  bigint not null,
  firsts    jsonb not null,              -- "topic/partition" -> least offset of this key in this build
  features  bytea not null,              -- msgpack of app.grouping.kinship.Features
  judged    timestamptz,                 -- null: not compared yet
  primary key (project, grp, build)
);
create index group_sights_unjudged on group_sights (project) where judged is null;
alter table group_sights alter column features set storage external;   -- half a kilobyte does not compress

-- What joins two groups, keeps them apart, or makes them look alike. Of a pair only the newest decision is kept; none of
-- the comparison's replaces a person's. `group_aliases` follows from the links.
create table group_links (
  project  bigint not null,
  a        text collate "C" not null,
  b        text collate "C" not null,
  kind     text not null check (kind in ('alias', 'suggestion', 'never')),
  author   text not null check (author in ('automatic', 'person')),
  stage    text not null default '',     -- of the comparison; '' for a person's
  score    real not null default 1,      -- 0 to 1
  reasons  jsonb not null default '[]',  -- texts for people
  grouping text not null,                -- version of the grouping that made both keys
  created  timestamptz not null default now(),
  judged   boolean not null default true,  -- false: a person's decision that the comparison has not taken in yet
  primary key (project, a, b),
  check (a < b)
);
create index group_links_by_b on group_links (project, b);
create index group_links_unjudged on group_links (project) where not judged;

insert into group_links (project, a, b, kind, author, grouping, created)
select a.project, least(a.id collate "C", a.root collate "C"), greatest(a.id collate "C", a.root collate "C"), 'alias',
       'person', coalesce(g.grouping, 'g1'), a.since
from group_aliases a left join groups g on g.id = a.id
where a.id <> a.root;

create index group_aliases_by_project on group_aliases (project);

-- Moved by each transaction that changes links or sights' judgement: whoever holds a project's comparison in memory
-- learns by it that another process was there.
create table group_comparisons (
  project bigint primary key,
  version bigint not null,
  anew    boolean not null default false  -- true: all components are to be written again, as a rule was taken back
);
