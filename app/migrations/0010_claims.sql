-- The numbers of claims of partitions by members of consumer groups: each claim gets a greater one than all before.
create sequence log_claims as bigint;

-- The identity of this log. A worker's local copies of state store it, and are dropped where it differs.
create table log_identity (id uuid primary key default gen_random_uuid());
insert into log_identity default values;
