-- The catalogue of the archive: one row an object. It can be rebuilt from the listing of the objects.

create table objects (
  topic     text collate "C" not null,   -- with the log generation, as '1.crashes'
  partition int not null,
  first     bigint not null,             -- source offsets covered, inclusive
  last      bigint not null,
  name      text not null unique,
  bytes     bigint not null,
  created   timestamptz not null default now(),
  primary key (topic, partition, first, last)
);
