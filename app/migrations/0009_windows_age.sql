-- Old windows are found by this when they are deleted.
create index windows_by_age on windows (size, start);
