-- What lies beside the trail: bytes by digest, the budget's counters, people's names, secrets, keys that make requests idempotent,
-- what runners say of the moment.

-- `blob` names the chunks, so that an upload is written once, in place, and becomes an artifact by one row when it is whole.
create table millwright.artifacts (
  digest bytea primary key check (octet_length(digest) = 32),
  blob uuid not null unique,
  size bigint not null check (size between 0 and 536870912),
  chunks integer not null check (chunks >= 0)
);
create table millwright.artifact_chunks (
  blob uuid not null,
  seq integer not null check (seq between 0 and 511),
  bytes bytea not null check (octet_length(bytes) between 1 and 1048576),
  written_at timestamptz not null default clock_timestamp(),
  primary key (blob, seq)
);
-- Bundles, tars and diffs do not gain enough from compression to pay for it at every write.
alter table millwright.artifact_chunks alter column bytes set storage external;

-- One call for what fits in one chunk (nearly everything): the digest is computed here.
create function millwright.artifact_put(p_bytes bytea) returns bytea
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_digest bytea := sha256(p_bytes);
  v_blob uuid := gen_random_uuid();
begin
  insert into millwright.artifacts (digest, blob, size, chunks)
    values (v_digest, v_blob, octet_length(p_bytes), case when octet_length(p_bytes) = 0 then 0 else 1 end)
    on conflict do nothing;
  if found and octet_length(p_bytes) > 0 then
    insert into millwright.artifact_chunks (blob, seq, bytes) values (v_blob, 0, p_bytes);
  end if;
  return v_digest;
end $$;

create function millwright.artifact_chunk(p_blob uuid, p_seq integer, p_bytes bytea) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from millwright.artifacts a where a.blob = p_blob) then
    raise exception 'that artifact is complete' using errcode = '42501';
  end if;
  insert into millwright.artifact_chunks (blob, seq, bytes) values (p_blob, p_seq, p_bytes);
end $$;

-- Makes an upload an artifact. Up to 64 MiB the digest is recomputed here; beyond, hashing in one value would take more memory
-- than the embedded database has to spare (three times the size), so there the reader's own check stands alone.
-- False: chunks are missing or the digest is another.
create function millwright.artifact_finish(p_blob uuid, p_digest bytea, p_size bigint, p_chunks integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
  v_size bigint;
begin
  select count(*), coalesce(sum(octet_length(c.bytes)), 0), p_chunks
    into v_count, v_size from millwright.artifact_chunks c where c.blob = p_blob and c.seq < p_chunks;
  if v_count <> p_chunks or v_size <> p_size then
    return false;
  end if;
  if p_size <= 67108864 and p_digest <>
    (select sha256(coalesce(string_agg(c.bytes, ''::bytea order by c.seq), ''::bytea)) from millwright.artifact_chunks c where c.blob = p_blob) then
    return false;
  end if;
  insert into millwright.artifacts (digest, blob, size, chunks) values (p_digest, p_blob, p_size, p_chunks) on conflict do nothing;
  if not found then
    delete from millwright.artifact_chunks c where c.blob = p_blob;
  end if;
  return true;
end $$;

-- By digest only: nobody lists. A digest is unguessable, so who knows one was given it.
create function millwright.artifact_head(p_digest bytea, out size bigint, out chunks integer)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select a.size, a.chunks from millwright.artifacts a where a.digest = p_digest;
end;

create function millwright.artifact_read(p_digest bytea, p_seq integer) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select c.bytes from millwright.artifact_chunks c
  where c.blob = (select a.blob from millwright.artifacts a where a.digest = p_digest) and c.seq = p_seq;
end;

-- Chunks of uploads that never became an artifact, an hour after they were written.
create function millwright.artifact_sweep() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare removed integer;
begin
  delete from millwright.artifact_chunks c
    where c.written_at < clock_timestamp() - interval '1 hour'
      and not exists (select from millwright.artifacts a where a.blob = c.blob);
  get diagnostics removed = row_count;
  return removed;
end $$;

-- Money in whole millionths of a dollar, rounded up on the way in: a sum of fractions must not drift under the cap.
-- `overrun`: billed beyond what was reserved, which an endpoint does that breaks its own limits. Apart from what is spent, so that spending
-- never passes a cap by it; counted like it against the cap of every later call.
create table millwright.budgets (
  scope text collate "C" primary key check (scope ~ '^[a-z]+(/[0-9A-Za-z._-]{1,64})?$'),
  cap bigint check (cap >= 0), -- null: counted, not capped
  spent bigint not null default 0 check (spent >= 0),
  overrun bigint not null default 0 check (overrun >= 0),
  reserved bigint not null default 0 check (reserved >= 0)
);
-- A call of a model. Its key says who makes it, attempt/fence/…: nothing is reserved whose owner cannot be found dead.
create table millwright.reservations (
  key text collate "C" primary key check (length(key) <= 200 and key ~ '^att_[0-9a-z]+/[1-9][0-9]*/.'),
  attempt text collate "C" not null generated always as (split_part(key, '/', 1)) stored,
  fence integer not null generated always as (split_part(key, '/', 2)::integer) stored,
  scopes text[] not null,
  amount bigint not null check (amount >= 0),
  billed bigint check (billed >= 0), -- null: not settled
  reserved_at timestamptz not null
);
create index reservations_of_attempt on millwright.reservations (attempt);
create index reservations_open on millwright.reservations (attempt, fence) where billed is null;

-- reserved | refused (by that scope, which has so much left) | not_held (the attempt is closed, or another claim of it is newer).
-- In every scope or in none. Rows are locked in the order of their names, so that two reservers never wait for each other; the claim is locked
-- first, so that closing an attempt comes before or after a reservation, never in between.
create function millwright.budget_reserve(
  p_key text, p_scopes text[], p_amount bigint, out kind text, out refused_by text, out left_over bigint
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare v_billed bigint;
begin
  if p_amount < 0 or cardinality(p_scopes) not between 1 and 16 then
    raise exception 'a reservation is at least 0 in 1 to 16 scopes' using errcode = '22023';
  end if;
  perform from millwright.claims c
    where c.attempt = split_part(p_key, '/', 1) and c.fence::text = split_part(p_key, '/', 2) and not c.closed and not c.released
      and not exists (select from millwright.claims n where n.attempt = c.attempt and n.fence > c.fence)
    for share;
  if not found then kind := 'not_held'; return; end if;
  insert into millwright.budgets (scope) select distinct s from unnest(p_scopes) s order by s on conflict do nothing;
  perform from millwright.budgets b where b.scope = any (p_scopes) order by b.scope for update;
  select r.billed into v_billed from millwright.reservations r where r.key = p_key;
  if v_billed is not null then
    raise exception 'the call % was settled: a new call has a new key', p_key using errcode = '22023';
  end if;
  kind := 'reserved';
  if found then return; end if;
  select b.scope, greatest(b.cap - b.spent - b.overrun - b.reserved, 0) into refused_by, left_over from millwright.budgets b
    where b.scope = any (p_scopes) and b.cap is not null and b.spent + b.overrun + b.reserved + p_amount > b.cap
    order by array_position(p_scopes, b.scope) limit 1;
  if refused_by is not null then kind := 'refused'; return; end if;
  insert into millwright.reservations (key, scopes, amount, reserved_at)
    select p_key, array_agg(distinct s order by s), p_amount, clock_timestamp() from unnest(p_scopes) s;
  update millwright.budgets b set reserved = b.reserved + p_amount where b.scope = any (p_scopes);
end $$;

-- Null amount: the outcome is unknown, so all that was reserved counts as billed. The first to settle a call settles it. False: nothing was
-- reserved under that key.
create function millwright.budget_settle(p_key text, p_amount bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare r millwright.reservations;
begin
  if p_amount < 0 then
    raise exception 'a call costs at least 0' using errcode = '22023';
  end if;
  select * into r from millwright.reservations x where x.key = p_key;
  if not found then return false; end if;
  perform from millwright.budgets b where b.scope = any (r.scopes) order by b.scope for update;
  update millwright.reservations x set billed = coalesce(p_amount, x.amount) where x.key = p_key and x.billed is null returning * into r;
  if found then
    update millwright.budgets b set reserved = b.reserved - r.amount, spent = b.spent + least(r.billed, r.amount),
      overrun = b.overrun + greatest(r.billed - r.amount, 0)
      where b.scope = any (r.scopes);
  end if;
  return true;
end $$;

-- Whose attempt is closed, or taken over, or let go, or whose runner is dead, has spent, for all we know, everything it reserved.
create function millwright.budget_settle_dead() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_key text;
  n integer := 0;
begin
  if not exists (select from millwright.reservations x where x.billed is null) then return 0; end if;
  for v_key in select x.key from millwright.reservations x
    where x.billed is null and not exists (
      select from millwright.claims c where c.attempt = x.attempt and c.fence = x.fence and not c.closed and not c.released
        and not exists (select from millwright.claims m where m.attempt = c.attempt and m.fence > c.fence)
        and millwright.is_alive(c.incarnation))
    order by x.key
  loop
    perform from millwright.budgets b order by b.scope for update; -- all at once, or two settlements could lock in another order
    perform millwright.budget_settle(v_key, null);
    n := n + 1;
  end loop;
  return n;
end $$;

-- What a closed attempt was billed in all; what it left open is settled first.
create function millwright.budget_of_attempt(p_attempt text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare v_key text;
begin
  if exists (select from millwright.claims c where c.attempt = p_attempt and not c.closed) then
    raise exception 'attempt % is open: it may spend more', p_attempt using errcode = '22023';
  end if;
  for v_key in select x.key from millwright.reservations x where x.attempt = p_attempt and x.billed is null order by x.key loop
    perform millwright.budget_settle(v_key, null);
  end loop;
  return (select coalesce(sum(x.billed), 0)::bigint from millwright.reservations x where x.attempt = p_attempt);
end $$;

create table millwright.people (
  id text collate "C" primary key check (id ~ '^per_[0-9a-z]{8,32}$'),
  name text not null check (length(name) between 1 and 100),
  -- Null until the invitation is accepted.
  token_hash bytea unique check (octet_length(token_hash) = 32),
  -- Of the one-time code that lets them in; gone when it is used.
  code_hash bytea unique check (octet_length(code_hash) = 32),
  code_expires_at bigint check ((code_expires_at is null) = (code_hash is null))
);
create index people_token on millwright.people (substring(token_hash for 8));
-- What a name looks like: two names that share a key cannot stand side by side.
create table millwright.person_name_keys (
  key text collate "C" primary key,
  person text collate "C" not null references millwright.people (id)
);

-- AES-256-GCM, sealed by the orchestrator with a key that never enters the database. The prints are what a runner finds the value by (ADR 0036).
create table millwright.secrets (
  repo text collate "C" not null,
  name text collate "C" not null,
  sealed bytea not null,
  prints text not null,
  primary key (repo, name)
);

-- What a request made under a client's own key; the first to come decides.
create table millwright.idempotency_keys (
  scope text collate "C" not null,
  key text collate "C" not null check (length(key) between 1 and 200),
  value text not null,
  primary key (scope, key)
);

-- What a runner says of the moment, beside the trail: what its agents do, whether their models answer. Nothing decides on it, and it may be lost.
create unlogged table millwright.runner_notes (
  key text primary key check (octet_length(key) between 1 and 200),
  text text not null check (octet_length(text) <= 4000),
  at timestamptz not null
);

-- The text null takes the note back. What nobody has said for a day goes.
create function millwright.runner_note(p_key text, p_text text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from millwright.runner_notes n where n.at < clock_timestamp() - interval '1 day' or (p_text is null and n.key = p_key);
  insert into millwright.runner_notes as n (key, text, at) select p_key, p_text, clock_timestamp() where p_text is not null
    on conflict (key) do update set text = excluded.text, at = excluded.at;
$$;

grant execute on function millwright.artifact_put, millwright.artifact_chunk, millwright.artifact_finish,
  millwright.artifact_head, millwright.artifact_read, millwright.budget_reserve, millwright.budget_settle to orchestrator, runner;
grant execute on function millwright.artifact_sweep, millwright.budget_settle_dead, millwright.budget_of_attempt to orchestrator;
grant select, insert, update on millwright.people, millwright.secrets to orchestrator;
grant delete on millwright.secrets to orchestrator;
grant select (name, prints) on millwright.secrets to runner;
grant select, insert, delete on millwright.person_name_keys to orchestrator;
grant select, insert on millwright.idempotency_keys to orchestrator;
grant select, insert on millwright.budgets to orchestrator;
grant update (cap) on millwright.budgets to orchestrator;
grant execute on function millwright.runner_note to runner;
grant select on millwright.runner_notes to orchestrator;
