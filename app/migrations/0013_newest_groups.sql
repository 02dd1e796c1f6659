-- For the list of groups ordered by first seen.
create index groups_by_first_seen on groups (project, first_seen);
