-- The tree over the trail, and the checkpoints signed on it. Invariants, kept here:
--   1. Nobody updates, deletes or truncates a node, a checkpoint or a cosignature.
--   2. Only the session that is the sealer seals, and each checkpoint goes on from the one before it.
-- Whether hashes and signatures are right is for verifiers to say: the database cannot vouch for itself.

-- Complete nodes (RFC 6962) of every fourth level, with the sixteen nodes under each: a row is written once, when its last leaf is
-- there, so the right edge needs no update. A proof reads a row a level (a dozen at 2^48 entries) and fifteen on the edge of each at most.
-- Level 4 holds the hashes of leaves: what was sealed stays known, entry by entry, if the entries themselves are changed.
create table millwright.tree (
  level smallint not null check (level between 4 and 52 and level % 4 = 0),
  index bigint not null check (index >= 0),
  hash bytea not null check (octet_length(hash) = 32),
  children bytea not null check (octet_length(children) = 512),
  primary key (level, index)
);

create table millwright.checkpoints (
  size bigint primary key check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  tail bytea not null check (octet_length(tail) = 32 * (size % 16)), -- hashes of the leaves after the last complete row of the tree
  note text not null check (octet_length(note) <= 16384),
  at bigint not null check (at >= 0)
);

create table millwright.cosignatures (
  size bigint not null references millwright.checkpoints,
  name text collate "C" not null check (octet_length(name) <= 255),
  key_id text collate "C" not null check (key_id ~ '^[0-9a-f]{8}$'),
  signature bytea not null check (octet_length(signature) <= 4096),
  at bigint not null check (at >= 0),
  primary key (size, name, key_id)
);

create trigger tree_is_final before update or delete or truncate on millwright.tree
  for each statement execute function millwright.refuse_change();
create trigger checkpoints_are_final before update or delete or truncate on millwright.checkpoints
  for each statement execute function millwright.refuse_change();
create trigger cosignatures_are_final before update or delete or truncate on millwright.cosignatures
  for each statement execute function millwright.refuse_change();

-- An advisory lock is anybody's, so the sealer is who a row says, which only its owner may write.
-- Alive is a sealer whose session holds the advisory lock of its own making: a key that nobody could know before, under its own role. The
-- lock says that the session lives, and is released with it; that it is the sealer's, the row says.
create table millwright.sealer (
  one boolean primary key default true check (one),
  pid integer not null,
  role name not null,
  key bigint not null
);
insert into millwright.sealer (pid, role, key) values (0, 'migrator', 0);

-- True: this session is the sealer, until it ends or lets go.
create function millwright.sealer_lock() returns boolean
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

-- One checkpoint, with the rows of the tree that it completes. SQLSTATE 55000: this session is not the sealer, or another has sealed since.
create function millwright.seal(
  p_from bigint, p_size bigint, p_root bytea, p_tail bytea, p_note text, p_at bigint,
  p_levels smallint[], p_indexes bigint[], p_hashes bytea[], p_children bytea[]
) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  last bigint;
begin
  if not millwright.sealer_lock() then
    raise exception 'another session is the sealer' using errcode = '55000';
  end if;
  select coalesce(max(c.size), 0) into last from millwright.checkpoints c;
  if last <> p_from then
    raise exception 'the last checkpoint is of %, not %', last, p_from using errcode = '55000';
  end if;
  if p_size <= p_from or p_size > (select max(e.position) from millwright.entries e) then
    raise exception 'a checkpoint of % entries cannot follow that of %', p_size, p_from using errcode = '22023';
  end if;
  insert into millwright.tree (level, index, hash, children)
    select u.l, u.i, u.h, u.c from unnest(p_levels, p_indexes, p_hashes, p_children) as u(l, i, h, c);
  insert into millwright.checkpoints (size, root, tail, note, at) values (p_size, p_root, p_tail, p_note, p_at);
  perform pg_notify('millwright_sealed', p_size::text);
end $$;

-- A witness's signature on a checkpoint. False: it is there already.
create function millwright.add_cosignature(p_size bigint, p_name text, p_key_id text, p_signature bytea, p_at bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into millwright.cosignatures (size, name, key_id, signature, at) values (p_size, p_name, p_key_id, p_signature, p_at)
    on conflict do nothing;
  if found then
    perform pg_notify('millwright_sealed', p_size::text);
  end if;
  return found;
end $$;

grant select on millwright.tree, millwright.checkpoints, millwright.cosignatures to orchestrator;
grant execute on function millwright.sealer_lock, millwright.seal, millwright.add_cosignature to orchestrator;
