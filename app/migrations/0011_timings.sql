-- Timings are rows of kind 't': grp is 'kind name', counts hold how many, sketches their buckets (tables.latency).
create index windows_of_timings on windows (project, release, size, start) where kind = 't';
