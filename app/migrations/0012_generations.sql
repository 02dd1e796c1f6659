-- The log of each generation and its number of partitions: stored by the first process that works on it, compared by
-- every later one. 'database', or 'kafka:<id of the cluster>/<prefix>'.
alter table log_generations
  add column log        text,
  add column partitions int,
  add constraint log_generations_log check ((log is null) = (partitions is null));

update log_generations g set log = 'database', partitions = t.partitions
from log_topics t where t.name = g.generation || '.crashes';
