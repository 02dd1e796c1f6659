-- For the list of groups by when they were first seen.
create index groups_by_first_seen on groups (project, first_seen);
