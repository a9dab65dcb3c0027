-- An advisory lock is anybody's: whoever may connect could hold the trail's, or the sealer's, and nothing would be appended or sealed. So
-- appends take turns on a table that only its owner may lock, and the sealer is who a row says, which only its owner may write.

-- Never has a row.
create table millwright.turns ();

-- As in 0001: the head must be read in a later statement than this one.
create or replace function millwright.lock_trail() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'appends run in read committed, not %', current_setting('transaction_isolation') using errcode = '25001';
  end if;
  lock table millwright.turns in exclusive mode;
end $$;

-- Alive is a sealer whose session holds the advisory lock of its own making: a key that nobody could know before, under its own role. The
-- lock says that the session lives, and is released with it; that it is the sealer's, the row says.
create table millwright.sealer (
  one boolean primary key default true check (one),
  pid integer not null,
  role name not null,
  key bigint not null
);
insert into millwright.sealer (pid, role, key) values (0, 'migrator', 0);

create or replace function millwright.sealer_lock() returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  was millwright.sealer;
  alive boolean;
  fresh bigint := hashtextextended(gen_random_uuid()::text, 0);
begin
  select s.* into was from millwright.sealer s for update skip locked;
  if not found then return false; end if; -- another asks just now
  select exists (
    select from pg_locks l join pg_stat_activity a using (pid)
    where l.pid = was.pid and a.usename = was.role
      and l.locktype = 'advisory' and l.granted and l.mode = 'ExclusiveLock' and l.objsubid = 1
      and l.classid::bigint = ((was.key >> 32) & 4294967295) and l.objid::bigint = (was.key & 4294967295)
  ) into alive;
  if alive then return was.pid = pg_backend_pid(); end if;
  if not pg_try_advisory_lock(fresh) then return false; end if;
  update millwright.sealer s set pid = pg_backend_pid(), role = session_user, key = fresh;
  return true;
end $$;
drop function millwright.sealer_key();

-- The same as in 0001 with lengths apart: a counted repetition ({1,64}) is what PostgreSQL's regular expressions are slow at. Measured on
-- a statement that inserts 256 entries: 39.6 ms so, 3.0 ms as below, the machine as busy.
alter table millwright.entries
  drop constraint entries_stream_check,
  drop constraint entries_actor_check,
  add constraint entries_stream_check check (
    stream ~ '^(factory|(run|attempt|ticket|repo|target|person)/[0-9a-z._-]+)$' and octet_length(stream) - position('/' in stream) <= 64
  ),
  add constraint entries_actor_check check (
    actor ~ '^(per_[0-9a-z]+|agent/[a-z]+|runner/[0-9a-z-]+|orchestrator|migrator)$'
    and (actor !~ '^per_' or octet_length(actor) between 12 and 36)
  );
