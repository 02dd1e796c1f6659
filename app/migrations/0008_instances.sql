-- The running processes; each renews its row every few seconds. Unlogged: it costs no write-ahead log, and after a crash
-- of the server every living process inserts its row again.
create unlogged table instances (
  id       uuid primary key,
  part     text not null,                 -- server, worker
  host     text not null,
  pid      int not null,
  version  text not null,
  started  timestamptz not null,
  seen     timestamptz not null default now(),
  memory   bigint not null,               -- resident bytes
  figures  bytea not null                 -- msgpack of app.stores.admin.instances.Figures, by role
) with (fillfactor = 50);
