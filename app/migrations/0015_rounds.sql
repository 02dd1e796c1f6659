-- The number of partitions of `deltas` and `rates` in each generation. It may be less than that of the other topics; a
-- generation that a process has worked on before keeps the count that it was made with, which was the same.
alter table log_generations add column deltas int;
update log_generations set deltas = partitions;
alter table log_generations
  add constraint log_generations_deltas check ((log is null) = (deltas is null) and deltas between 1 and partitions);
