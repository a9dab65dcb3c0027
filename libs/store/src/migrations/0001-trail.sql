-- The trail. Invariants, kept here and nowhere else:
--   1. Positions are dense from 1, versions are dense from 1 within a stream, and order of position is order of commit.
--   2. Nobody updates, deletes or truncates an entry; a payload goes only through redact().
--   3. An append's expected version is checked, under the one lock, before anything of it is inserted.
--   4. A runner writes only to an attempt that it has claimed, with its claim's secret, and only a runner's types.
-- Every function pins its search_path, and nothing is granted to PUBLIC (the runner of migrations revokes that by default).

create table millwright.entries (
  position bigint primary key check (position > 0),
  stream text collate "C" not null
    check (stream ~ '^(factory|(run|attempt|ticket|repo|target|person)/[0-9a-z._-]{1,64})$'),
  version integer not null check (version > 0),
  type text collate "C" not null check (type ~ '^[a-z]+\.[a-z-]+$'),
  actor text collate "C" not null
    check (actor ~ '^(per_[0-9a-z]{8,32}|agent/[a-z]+|runner/[0-9a-z-]+|orchestrator|migrator)$'),
  at bigint not null check (at >= 0), -- milliseconds since the epoch, by the caller's clock
  payload_digest bytea not null check (octet_length(payload_digest) = 32),
  unique (stream, version)
);

-- Canonical bytes (RFC 8785) as bytea: jsonb refuses \u0000 and does not keep bytes.
create table millwright.payloads (
  position bigint primary key,
  salt bytea not null check (octet_length(salt) = 16),
  bytes bytea not null check (octet_length(bytes) <= 4194304)
);

-- Who may append to an attempt. `fence` counts the claims of an attempt; the highest is the current one.
create table millwright.claims (
  attempt text collate "C" not null check (attempt ~ '^att_[0-9a-z]{8,32}$'),
  fence integer not null check (fence > 0),
  incarnation text collate "C" not null check (incarnation ~ '^[0-9a-z-]{1,64}$'),
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  released boolean not null default false,
  refused boolean not null default false, -- its late append is on the trail already
  closed boolean not null default false,
  primary key (attempt, fence)
);
create index claims_open on millwright.claims (attempt) where not closed;

-- Unlogged: after a crash of Postgres every session is gone too, and runners beat again as soon as they are back.
create unlogged table millwright.heartbeats (
  incarnation text collate "C" primary key check (incarnation ~ '^[0-9a-z-]{1,64}$'),
  beat_at timestamptz not null
);

create function millwright.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'payloads' and tg_op = 'DELETE' and current_setting('millwright.redacting', true) = 'yes' then
    return null;
  end if;
  raise exception 'the trail is append-only: % of %', lower(tg_op), tg_table_name using errcode = '42501';
end $$;

create trigger entries_are_final before update or delete or truncate on millwright.entries
  for each statement execute function millwright.refuse_change();
create trigger payloads_are_final before update or delete or truncate on millwright.payloads
  for each statement execute function millwright.refuse_change();

-- One lock serialises all appends. The head must be read in a later statement than the one that takes it: in READ COMMITTED that
-- statement's snapshot then includes every append that came before. A stricter isolation would see an old head, so it is refused.
create function millwright.lock_trail() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'appends run in read committed, not %', current_setting('transaction_isolation') using errcode = '25001';
  end if;
  perform pg_advisory_xact_lock(5574937551044902);
end $$;

-- Under the lock only. A conflict is a row, not an error.
create function millwright.append_one(
  p_stream text, p_expected integer, p_actor text, p_at bigint, p_types text[], p_salts bytea[], p_payloads bytea[],
  out kind text, out at_version integer, out at_position bigint
) language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  n integer := cardinality(p_types);
  head bigint;
begin
  if n < 1 or n > 200 or n <> cardinality(p_salts) or n <> cardinality(p_payloads) then
    raise exception 'an append has 1 to 200 entries, each with salt and payload' using errcode = '22023';
  end if;
  select coalesce(max(e.version), 0) into at_version from millwright.entries e where e.stream = p_stream;
  if at_version <> p_expected then
    kind := 'conflict';
    return;
  end if;
  select coalesce(max(e.position), 0) into head from millwright.entries e;
  insert into millwright.entries (position, stream, version, type, actor, at, payload_digest)
    select head + u.o, p_stream, p_expected + u.o, u.t, p_actor, p_at, sha256(u.s || u.b)
    from unnest(p_types, p_salts, p_payloads) with ordinality as u(t, s, b, o);
  insert into millwright.payloads (position, salt, bytes)
    select head + u.o, u.s, u.b from unnest(p_salts, p_payloads) with ordinality as u(s, b, o);
  if 'attempt.closed' = any (p_types) then
    update millwright.claims c set closed = true where c.attempt = substr(p_stream, 9) and not c.closed;
  end if;
  kind := 'appended';
  at_version := p_expected + n;
  at_position := head + n;
end $$;

-- The orchestrator's append: a group of appends in one call, a row each, in order. Append i takes the next p_counts[i] entries.
create function millwright.trail_append(
  p_streams text[], p_expected integer[], p_actors text[], p_ats bigint[], p_counts integer[],
  p_types text[], p_salts bytea[], p_payloads bytea[]
) returns table (kind text, at_version integer, at_position bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  first integer := 1;
  last integer;
  head bigint := null;
begin
  if p_types && array['attempt.claimed', 'attempt.sandboxed', 'turn.recorded', 'attempt.refused'] then
    raise exception 'only a runner that holds the claim appends these' using errcode = '42501';
  end if;
  perform millwright.lock_trail();
  for i in 1 .. cardinality(p_streams) loop
    last := first + p_counts[i] - 1;
    select o.kind, o.at_version, o.at_position into kind, at_version, at_position
      from millwright.append_one(p_streams[i], p_expected[i], p_actors[i], p_ats[i],
        p_types[first:last], p_salts[first:last], p_payloads[first:last]) o;
    first := last + 1;
    head := coalesce(at_position, head);
    return next;
  end loop;
  if first <> cardinality(p_types) + 1 then
    raise exception 'counts do not add up' using errcode = '22023';
  end if;
  if head is not null then
    perform pg_notify('millwright_trail', head::text);
  end if;
end $$;

create function millwright.incarnation_key(p_incarnation text) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
return hashtextextended('millwright/incarnation/' || p_incarnation, 0);

-- Alive: its session holds its lock (released at once when its process is killed), and it has not missed its beats for 10 s
-- (one that hangs or is stopped keeps the lock). By the database's clock.
create function millwright.is_alive(p_incarnation text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select exists (
    select from pg_catalog.pg_locks l
    where l.locktype = 'advisory' and l.granted and l.mode = 'ExclusiveLock' and l.objsubid = 1
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
      and l.classid::bigint = ((millwright.incarnation_key(p_incarnation) >> 32) & 4294967295)
      and l.objid::bigint = (millwright.incarnation_key(p_incarnation) & 4294967295)
  ) and not exists (
    select from millwright.heartbeats h
    where h.incarnation = p_incarnation and h.beat_at < clock_timestamp() - interval '10 seconds'
  );
end;

-- On the runner's own session, which keeps the lock until it ends. False: another session holds it (our own former one may not
-- be gone yet): beat again soon.
create function millwright.runner_heartbeat(p_incarnation text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare key bigint := millwright.incarnation_key(p_incarnation);
begin
  if not exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and l.mode = 'ExclusiveLock' and l.objsubid = 1
      and l.classid::bigint = ((key >> 32) & 4294967295) and l.objid::bigint = (key & 4294967295)
  ) and not pg_try_advisory_lock(key) then
    return false;
  end if;
  insert into millwright.heartbeats as h (incarnation, beat_at) values (p_incarnation, clock_timestamp())
    on conflict (incarnation) do update set beat_at = excluded.beat_at;
  return true;
end $$;

-- claimed | taken | closed | unknown | not_alive (the caller's own session lock is missing: it would be taken from it at once).
-- The payload is canonical as it stands: sorted keys, and ids that need no escape.
create function millwright.runner_claim(
  p_attempt text, p_incarnation text, p_secret_hash bytea, p_at bigint, p_salt bytea,
  out kind text, out fence integer, out at_version integer
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_stream text := 'attempt/' || p_attempt;
  former millwright.claims;
  done record;
begin
  perform millwright.lock_trail();
  select max(e.version) into at_version from millwright.entries e where e.stream = v_stream;
  if at_version is null then kind := 'unknown'; return; end if;
  if exists (select from millwright.entries e where e.stream = v_stream and e.type = 'attempt.closed') then
    kind := 'closed'; return;
  end if;
  if not millwright.is_alive(p_incarnation) then kind := 'not_alive'; return; end if;
  select c.* into former from millwright.claims c where c.attempt = p_attempt order by c.fence desc limit 1;
  if former.fence is not null and not former.released
    and (former.incarnation = p_incarnation or millwright.is_alive(former.incarnation)) then
    kind := 'taken'; return;
  end if;
  fence := coalesce(former.fence, 0) + 1;
  insert into millwright.claims (attempt, fence, incarnation, secret_hash) values (p_attempt, fence, p_incarnation, p_secret_hash);
  select o.* into done from millwright.append_one(v_stream, at_version, 'runner/' || p_incarnation, p_at, array['attempt.claimed'],
    array[p_salt], array[convert_to(format('{"attempt":"%s","fence":%s,"incarnation":"%s"}', p_attempt, fence, p_incarnation), 'UTF8')]) o;
  at_version := done.at_version;
  kind := 'claimed';
  perform pg_notify('millwright_trail', done.at_position::text);
end $$;

-- appended | conflict | refused. A former claimant's late append is refused and, once a claim, that is put on the trail.
create function millwright.runner_append(
  p_attempt text, p_secret bytea, p_expected integer, p_actor text, p_at bigint,
  p_types text[], p_salts bytea[], p_payloads bytea[],
  out kind text, out at_version integer, out at_position bigint, out reason text
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_stream text := 'attempt/' || p_attempt;
  mine millwright.claims;
  note text;
begin
  if not p_types <@ array['attempt.sandboxed', 'turn.recorded', 'attempt.closed'] then
    raise exception 'a runner does not append these' using errcode = '42501';
  end if;
  perform millwright.lock_trail();
  select c.* into mine from millwright.claims c where c.attempt = p_attempt and c.secret_hash = sha256(p_secret);
  if mine.fence is null then
    kind := 'refused'; reason := 'no claim of this attempt has that secret'; return;
  end if;
  if p_actor <> 'runner/' || mine.incarnation and p_actor !~ '^agent/[a-z]+$' then
    raise exception 'a runner acts as itself or as its agent' using errcode = '42501';
  end if;
  if mine.released or exists (select from millwright.claims c where c.attempt = p_attempt and c.fence > mine.fence) then
    kind := 'refused'; reason := 'the claim was taken over';
    if not mine.refused then
      note := format('{"incarnation":"%s","reason":"append with fence %s after the claim was taken over"}', mine.incarnation, mine.fence);
      select max(e.version) into at_version from millwright.entries e where e.stream = v_stream;
      select o.at_position into at_position from millwright.append_one(v_stream, at_version, 'runner/' || mine.incarnation, p_at,
        array['attempt.refused'], p_salts[1:1], array[convert_to(note, 'UTF8')]) o;
      update millwright.claims c set refused = true where c.attempt = p_attempt and c.fence = mine.fence;
      perform pg_notify('millwright_trail', at_position::text);
    end if;
    return;
  end if;
  if exists (select from millwright.entries e where e.stream = v_stream and e.type = 'attempt.closed') then
    kind := 'refused'; reason := 'the attempt is closed'; return;
  end if;
  select o.kind, o.at_version, o.at_position into kind, at_version, at_position
    from millwright.append_one(v_stream, p_expected, p_actor, p_at, p_types, p_salts, p_payloads) o;
  if kind = 'appended' then
    perform pg_notify('millwright_trail', at_position::text);
  end if;
end $$;

-- The attempt's stream, for whoever holds or held a claim of it.
create function millwright.runner_read(p_attempt text, p_secret bytea, p_after integer)
returns table (entry_position bigint, stream text, version integer, type text, actor text, at bigint, payload_digest bytea, salt bytea, bytes bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes
  from millwright.entries e left join millwright.payloads p using (position)
  where e.stream = 'attempt/' || p_attempt and e.version > p_after
    and exists (select from millwright.claims c where c.attempt = p_attempt and c.secret_hash = sha256(p_secret))
  order by e.version;
end;

-- Hands the attempt back: anybody may claim it. False: not the current claim.
create function millwright.runner_release(p_attempt text, p_secret bytea) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform millwright.lock_trail();
  update millwright.claims c set released = true
    where c.attempt = p_attempt and c.secret_hash = sha256(p_secret) and not c.released
      and not exists (select from millwright.claims n where n.attempt = p_attempt and n.fence > c.fence);
  return found;
end $$;

-- Open attempts whose current claimant is dead or has let go.
create function millwright.dead_claims() returns table (attempt text, fence integer, incarnation text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select c.attempt, c.fence, c.incarnation from millwright.claims c
  where not c.closed
    and not exists (select from millwright.claims n where n.attempt = c.attempt and n.fence > c.fence)
    and (c.released or not millwright.is_alive(c.incarnation));
end;

-- Takes a payload away for good. Only of types whose data no decision reads.
create function millwright.redact(p_position bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare removed integer;
begin
  if not exists (select from millwright.entries e where e.position = p_position and e.type in
    ('factory.halted', 'factory.resumed', 'attempt.refused')) then
    raise exception 'entry % is not of a type that can be redacted', p_position using errcode = '42501';
  end if;
  perform set_config('millwright.redacting', 'yes', true);
  delete from millwright.payloads p where p.position = p_position;
  get diagnostics removed = row_count;
  perform set_config('millwright.redacting', '', true);
  return removed > 0;
end $$;

grant usage on schema millwright to orchestrator, runner, redactor;
grant select on millwright.entries, millwright.payloads, millwright.heartbeats to orchestrator;
grant select (attempt, fence, incarnation, released, closed) on millwright.claims to orchestrator;
grant execute on function millwright.trail_append, millwright.dead_claims, millwright.is_alive to orchestrator;
grant execute on function millwright.runner_heartbeat, millwright.runner_claim, millwright.runner_append,
  millwright.runner_read, millwright.runner_release to runner;
grant execute on function millwright.redact to redactor;
