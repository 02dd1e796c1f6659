-- Environments are rows of kind 'e': grp is the environment. For the list of environments, and of releases within one.
create index windows_of_environments on windows (project, size, start) where kind = 'e' and release = '';
create index windows_of_environment_releases on windows (project, grp, size, start) where kind = 'e' and release <> '';
