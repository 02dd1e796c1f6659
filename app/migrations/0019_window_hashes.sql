-- Users of large windows that are not in their rows' sketches yet: a sketch of many users is kilobytes, and would be
-- written with each of them. Numbers are of the sketches and of these together (app/stores/aggregates/hashes.py).
create table window_hashes (
  id        bigint generated always as identity primary key,
  partition int not null,                -- of `deltas`: its owner folds them into the rows
  projects  bigint[] not null,
  data      bytea not null               -- msgpack: cell -> name of the sketch, hashes, windows
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- A sketch of over some 40 users stands beside its row, so that counting does not write it again.
alter table windows set (toast_tuple_target = 512);
