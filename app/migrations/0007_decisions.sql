-- Decisions that end by themselves (rules: app/stores/aggregates/standing.py). Only rates changes events_left.
alter table group_states
  add column spared      text[],         -- resolved in the next release: the releases known then, in which it may still happen
  add column events_left bigint,         -- ignored until so many more events were counted
  add column until       bigint,         -- ignored until it happens at or after this time, ms
  add constraint group_states_ends check (
    (spared is null or status = 'resolved') and ((events_left is null and until is null) or status = 'ignored'));

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check check (kind in ('new', 'regressed', 'reopened'));

alter table notices add column release text not null default '';  -- in which it was new, or seen again; '' for none
create index notices_by_release on notices (project, release) where release <> '';
