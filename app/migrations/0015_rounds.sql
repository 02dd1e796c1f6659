-- The number of partitions of `deltas` and `rates` in each generation. It may be less than that of the other topics; a
-- generation that a process has worked on before keeps the count that it was made with, which was the same.
alter table log_generations add column deltas int;
update log_generations set deltas = partitions;
alter table log_generations
  add constraint log_generations_deltas check ((log is null) = (deltas is null) and deltas between 1 and partitions);

-- Appends records in one call: locks the partitions, reserves offsets, writes the rows, notifies readers.
--   topic_ids, partitions, counts, compact: one entry a partition; `counts` are the offsets to reserve.
--   slots, nths, stamps, keys, vals, headers: one entry a row; `slots` is the index of its partition (from 1), `nths` the
--   row's distance from the partition's first new offset. Of a compacted topic only the last record of each key is a row.
--   deadline: ms since the epoch by this server's clock, null for none. notify: payload for the readers, '' for none.
-- Returns the first new offset of each partition, and the server's clock (ms) within the call. Raises FL001, whose detail
-- is the ids of the sealed topics by comma, and FL002 where the deadline has passed; nothing is written then.
-- The locks are those of log_reserve, in the same order and for the same reasons. The deadline is judged when they are
-- held: a record with a later offset is then also judged later.
create function log_append(
  topic_ids int[], partitions int[], counts int[], compact boolean[],
  slots int[], nths int[], stamps bigint[], keys bytea[], vals bytea[], headers bytea[],
  deadline bigint, notify text, out firsts bigint[], out clock bigint)
language plpgsql as $$
declare
  today date;
  refused text;
begin
  perform 1
  from log_partitions p join unnest(topic_ids, partitions) as u (t, n) on p.topic_id = u.t and p.partition = u.n
  order by p.topic_id, p.partition
  for no key update of p;
  select string_agg(t.id::text, ',') into refused from log_topics t where t.id = any(topic_ids) and t.sealed;
  if refused is not null then
    raise exception 'a topic of this append is sealed' using errcode = 'FL001', detail = refused;
  end if;
  clock := (extract(epoch from clock_timestamp()) * 1000)::bigint;
  if clock > deadline then
    raise exception 'a record was not appended before its deadline' using errcode = 'FL002';
  end if;
  today := (clock_timestamp() at time zone 'utc')::date;
  with moved as (
    update log_partitions p set next = p.next + u.count
    from unnest(topic_ids, partitions, counts) with ordinality as u (t, n, count, slot)
    where p.topic_id = u.t and p.partition = u.n
    returning u.slot, p.next - u.count as first
  )
  select array_agg(m.first order by m.slot) into firsts from moved m;
  if false = any(compact) then
    insert into log_records (topic_id, partition, "offset", appended, stamp, key, value, headers)
    select topic_ids[r.slot], partitions[r.slot], firsts[r.slot] + r.nth, today, r.stamp, r.key, r.value, r.header
    from unnest(slots, nths, stamps, keys, vals, headers) as r (slot, nth, stamp, key, value, header)
    where not compact[r.slot];
  end if;
  if true = any(compact) then
    insert into log_compacted as c (topic_id, partition, "offset", appended, stamp, key, value, headers)
    select topic_ids[r.slot], partitions[r.slot], firsts[r.slot] + r.nth, today, r.stamp, r.key, r.value, r.header
    from unnest(slots, nths, stamps, keys, vals, headers) as r (slot, nth, stamp, key, value, header)
    where compact[r.slot]
    on conflict (topic_id, partition, key) do update
      set "offset" = excluded."offset", appended = excluded.appended, stamp = excluded.stamp,
          value = excluded.value, headers = excluded.headers;
  end if;
  if notify <> '' then
    perform pg_notify('faultline_log', notify);
  end if;
end
$$;

-- Tables in which the same few rows are written all the time: room on their pages for new versions (HOT), and a vacuum
-- by the count of dead rows alone, before the tables have grown. 0.02 of a large table would be seldom.
alter table log_compacted set (fillfactor = 80);
alter table log_partitions set (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table log_commits set (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table progress set (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table instances set (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table windows set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
