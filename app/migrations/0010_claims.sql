-- Numbers the claims of partitions by members of consumer groups: each claim gets a greater one than all before it.
create sequence log_claims as bigint;

-- Names this log. A worker's local copies of state remember it, and are dropped where they come from another.
create table log_identity (id uuid primary key default gen_random_uuid());
insert into log_identity default values;
