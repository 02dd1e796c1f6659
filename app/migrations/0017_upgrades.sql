-- Moments since when records follow a rule that older ones do not (app/ingest/WIRE.md, "Versions of normalisation").
create table upgrades (
  name  text primary key,
  since timestamptz not null
);

-- Sessions that started earlier keep the key of their id as sent: their state is under it. An installation without a
-- project has no session. The hour is for processes of the older version that still take requests meanwhile.
insert into upgrades (name, since)
select 'session_ids', case when exists (select 1 from projects) then now() + interval '1 hour' else 'epoch' end;
