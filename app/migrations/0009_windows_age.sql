-- For the deletion of old windows.
create index windows_by_age on windows (size, start);
