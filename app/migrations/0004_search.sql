-- Searchable events, one row each. Children, one for each day (UTC) of `received`, are created when needed and named
-- events_YYYYMMDD; retention drops whole days. The table can be rebuilt from `processed` or the archive.

create table events (
  project    bigint not null,
  event_id   text collate "C" not null,
  day        date not null,               -- of received: an id that comes again after a day is an event of its own
  time       bigint not null,             -- ms
  grp        text collate "C" not null,
  generation int not null,                -- of the log; with offset: the greatest wins
  topic      text collate "C" not null,
  partition  int not null,
  "offset"   bigint not null,
  found      bytea not null,              -- msgpack of app.records.EventSummary
  facets     jsonb not null,              -- tags, release, environment, user: what facets count
  words      tsvector not null,           -- words with their positions, and a lexeme `=field=value` for each field and tag
  primary key (event_id, project, day)
) partition by range (day);
create index events_by_time on events (project, time);
create index events_by_group on events (project, grp, time);
create index events_by_words on events using gin (words) with (fastupdate = on);
