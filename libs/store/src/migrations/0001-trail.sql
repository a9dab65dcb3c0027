-- The trail. Invariants, kept here and nowhere else:
--   1. Positions are dense from 1, versions are dense from 1 within a stream, and order of position is order of commit.
--   2. Nobody updates, deletes or truncates an entry or a payload. redact() alone takes a payload's words away, and only where an entry of the
--      trail says so.
--   3. An append's expected version is checked, under the one lock, before anything of it is inserted.
--   4. A runner writes only to an attempt that it has claimed, with its claim's secret, and only a runner's types.
-- Every function pins its search_path, and nothing is granted to PUBLIC (the runner of migrations revokes that by default).

-- What a column may hold is said by its type. A CHECK of a table is read from its text and planned anew for every statement: twelve of them were a
-- quarter of the server's time for an append by itself. A domain's is kept ready by the session, and guards the same: every row, whoever writes it.
-- What most entries have is not asked of a regular expression, which builds its automaton anew for every row.

create domain millwright.trail_position as bigint check (value > 0);
create domain millwright.trail_version as integer check (value > 0);
create domain millwright.trail_time as bigint check (value >= 0); -- milliseconds since the epoch, by the caller's clock
create domain millwright.trail_digest as bytea check (octet_length(value) = 32);
create domain millwright.trail_salt as bytea check (octet_length(value) = 16);
create domain millwright.trail_bytes as bytea check (octet_length(value) <= 4194304);
create domain millwright.trail_type as text collate "C" check (value ~ '^[a-z]+\.[a-z-]+$');
create domain millwright.trail_stream as text collate "C" check (
  value = 'factory'
  or substr(value, 1, position('/' in value)) in ('run/', 'attempt/', 'ticket/', 'repo/', 'target/', 'person/', 'unit/')
    and octet_length(value) - position('/' in value) between 1 and 64
    and substr(value, position('/' in value) + 1) !~ '[^0-9a-z._-]'
);
create domain millwright.trail_actor as text collate "C" check (
  value in ('orchestrator', 'migrator')
  or value ~ '^(per_[0-9a-z]+|agent/[a-z]+|runner/[0-9a-z-]+)$'
    and (value !~ '^per_' or octet_length(value) between 12 and 36)
  or value ~ '^(schedule/[0-9a-z-]+|integration/[a-z]+/[0-9A-Za-z._-]+)$' and octet_length(value) <= 110
);

create table millwright.entries (
  position millwright.trail_position primary key,
  stream millwright.trail_stream not null,
  version millwright.trail_version not null,
  type millwright.trail_type not null,
  actor millwright.trail_actor not null,
  at millwright.trail_time not null,
  payload_digest millwright.trail_digest not null,
  unique (stream, version)
);

-- Canonical bytes (RFC 8785) as bytea: jsonb refuses \u0000 and does not keep bytes. Free text lies beside its payload, under a salt of its own;
-- the payload holds its digest. So it can be erased, and the payload, the entry, the tree and the state of the factory stand as they were.
create table millwright.payloads (
  position bigint primary key,
  salt millwright.trail_salt not null,
  bytes millwright.trail_bytes not null,
  words_salt millwright.trail_salt,
  words millwright.trail_bytes,
  check ((words is null) = (words_salt is null))
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
  if tg_table_name = 'payloads' and tg_op = 'UPDATE' and current_setting('millwright.redacting', true) = 'yes' then
    return null;
  end if;
  raise exception 'the trail is append-only: % of %', lower(tg_op), tg_table_name using errcode = '42501';
end $$;

create trigger entries_are_final before update or delete or truncate on millwright.entries
  for each statement execute function millwright.refuse_change();
create trigger payloads_are_final before update or delete or truncate on millwright.payloads
  for each statement execute function millwright.refuse_change();

-- Never has a row. Appends take turns on a table that only its owner may lock: an advisory lock is anybody's who may connect.
create table millwright.turns ();

-- One lock serialises all appends. The head must be read in a later statement than the one that takes it: in READ COMMITTED that
-- statement's snapshot then includes every append that came before. A stricter isolation would see an old head, so it is refused.
create function millwright.lock_trail() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'appends run in read committed, not %', current_setting('transaction_isolation') using errcode = '25001';
  end if;
  lock table millwright.turns in exclusive mode;
end $$;

-- What the functions below append themselves. Under the lock only. A conflict is a row, not an error.
create function millwright.append_one(
  p_stream text, p_expected integer, p_actor text, p_at bigint, p_types text[], p_salts bytea[], p_payloads bytea[],
  p_words_salts bytea[] default null, p_words bytea[] default null,
  out kind text, out at_version integer, out at_position bigint
) language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  n integer := cardinality(p_types);
  head bigint;
begin
  if n < 1 or n > 200 or n <> cardinality(p_salts) or n <> cardinality(p_payloads)
    or n <> coalesce(cardinality(p_words_salts), n) or n <> coalesce(cardinality(p_words), n) then
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
  insert into millwright.payloads (position, salt, bytes, words_salt, words)
    select head + u.o, u.s, u.b, u.ws, u.w
    from unnest(p_salts, p_payloads, p_words_salts, p_words) with ordinality as u(s, b, ws, w, o);
  if 'attempt.closed' = any (p_types) then
    update millwright.claims c set closed = true where c.attempt = substr(p_stream, 9) and not c.closed;
  end if;
  kind := 'appended';
  at_version := p_expected + n;
  at_position := head + n;
end $$;

-- One way to append, for one entry and for hundreds:
--   What entries say travels as one text for the whole call (RFC 8785 is text, and has no NUL), cut where `ends` say: an element of bytea[] is
--   twice as long, and is read character by character.
--   A stream's last version is looked for from the expected one on, so that its earlier entries are not read.
--   Arrays of any length have one plan (force_generic_plan): making one anew for each call cost 0.2 ms, a third of an append alone.

-- Under the lock only. Neighbours of one stream are one append: their versions go up by one from the version that is expected, and a stream
-- is there once. Entry j has 32 bytes of p_salts (its payload's salt, its words' salt), its payload ends at byte p_ends[j] of p_payloads,
-- and its words, if it has any, at byte p_words_ends[j] of p_words.
-- A conflict is not an error: conflicts[j] is then the version that was found, of every entry of such an append, and null elsewhere; `conflicts`
-- is null where there is none. All others are in, from position base + 1 on.
create function millwright.append_group(
  p_streams text[], p_versions integer[], p_actors text[], p_ats bigint[],
  p_types text[], p_salts bytea, p_ends integer[], p_payloads bytea, p_words_ends integer[], p_words bytea,
  out base bigint, out conflicts integer[]
) language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  n integer := cardinality(p_types);
  clash boolean;
  dropped integer[];
  added integer;
begin
  if array[cardinality(p_streams), cardinality(p_versions), cardinality(p_ends), cardinality(p_words_ends),
      p_ends[n], p_words_ends[n], octet_length(p_salts)] is distinct from array[n, n, n, n, octet_length(p_payloads), octet_length(p_words), 32 * n]
    or n = 0 or n > 200 and exists (select from unnest(p_streams) s group by s having count(*) > 200) then
    raise exception 'an append has 1 to 200 entries, each with salt and payload' using errcode = '22023';
  end if;
  select bool_or(a.version is distinct from 1 + case when a.stream = p_streams[a.j - 1] then p_versions[a.j - 1]
      else coalesce((select max(e.version) from millwright.entries e where e.stream = a.stream and e.version >= a.version - 1), 0) end),
      (select coalesce(max(e.position), 0) from millwright.entries e)
    into clash, base
    from unnest(p_streams, p_versions) with ordinality as a(stream, version, j);
  if clash then
    for j in 1 .. n loop
      if p_streams[j] = p_streams[j - 1] then
        if p_versions[j] <> p_versions[j - 1] + 1 then
          raise exception 'the versions of an append go up by one' using errcode = '22023';
        end if;
        conflicts[j] := conflicts[j - 1];
      else
        conflicts[j] := (select nullif(coalesce(max(e.version), 0), p_versions[j] - 1) from millwright.entries e where e.stream = p_streams[j]);
      end if;
      dropped[j] := coalesce(dropped[j - 1], 0) + (conflicts[j] is not null)::integer;
    end loop;
  end if;
  with fresh as materialized (
    select base + a.j - coalesce(dropped[a.j], 0) as position, a.stream, a.version, a.actor, a.at, a.type,
      substr(p_salts, 32 * a.j::integer - 31, 16) as salt, substr(p_salts, 32 * a.j::integer - 15, 16) as words_salt,
      substr(p_payloads, 1 + coalesce(p_ends[a.j - 1], 0), a.upto - coalesce(p_ends[a.j - 1], 0)) as bytes,
      nullif(substr(p_words, 1 + coalesce(p_words_ends[a.j - 1], 0), a.words_upto - coalesce(p_words_ends[a.j - 1], 0)), '') as words
    from unnest(p_streams, p_versions, p_actors, p_ats, p_types, p_ends, p_words_ends) with ordinality
      as a(stream, version, actor, at, type, upto, words_upto, j)
    where conflicts[a.j] is null
  ), stored as (
    insert into millwright.entries (position, stream, version, type, actor, at, payload_digest)
      select f.position, f.stream, f.version, f.type, f.actor, f.at, sha256(f.salt || f.bytes) from fresh f
  )
  insert into millwright.payloads (position, salt, bytes, words_salt, words)
    select f.position, f.salt, f.bytes, case when f.words is not null then f.words_salt end, f.words from fresh f;
  get diagnostics added = row_count;
  if 'attempt.closed' = any (p_types) then
    update millwright.claims c set closed = true
      from millwright.entries e
      where e.position > base and e.type = 'attempt.closed' and c.attempt = substr(e.stream, 9) and not c.closed;
  end if;
  if added > 0 then
    perform pg_notify('millwright_trail', (base + added)::text);
  end if;
end $$;

-- One entry by itself, which is what most appends are (a turn, a run's next step), without arrays and what reads them: the server spends 155 µs
-- on it where append_group spends 300. Under the lock only. Appends the entry, or says which version was found instead of the one before it.
create function millwright.append_alone(
  p_stream text, p_version integer, p_actor text, p_at bigint, p_type text, p_salts bytea, p_end integer, p_payload bytea,
  p_words_end integer, p_words bytea, out base bigint, out conflicts integer[]
) language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  salt bytea := substr(p_salts, 1, 16);
  last integer := coalesce((select max(e.version) from millwright.entries e where e.stream = p_stream), 0);
begin
  if array[octet_length(p_salts), p_end, p_words_end] is distinct from array[32, octet_length(p_payload), octet_length(p_words)] then
    raise exception 'an append has 1 to 200 entries, each with salt and payload' using errcode = '22023';
  end if;
  if p_version is distinct from last + 1 then
    conflicts := array[last];
    return;
  end if;
  base := coalesce((select max(e.position) from millwright.entries e), 0);
  insert into millwright.entries (position, stream, version, type, actor, at, payload_digest)
    values (base + 1, p_stream, p_version, p_type, p_actor, p_at, sha256(salt || p_payload));
  insert into millwright.payloads (position, salt, bytes, words_salt, words)
    values (base + 1, salt, p_payload, case when p_words <> '' then substr(p_salts, 17) end, nullif(p_words, ''));
  if p_type = 'attempt.closed' then
    update millwright.claims c set closed = true where c.attempt = substr(p_stream, 9) and not c.closed;
  end if;
  perform pg_notify('millwright_trail', (base + 1)::text);
end $$;

-- The orchestrator's append: a group of appends in one call.
create function millwright.trail_append(
  p_streams text[], p_versions integer[], p_actors text[], p_ats bigint[],
  p_types text[], p_salts bytea, p_ends integer[], p_payloads text, p_words_ends integer[], p_words text,
  out base bigint, out conflicts integer[]
) language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  done record;
begin
  if p_types && array['attempt.claimed', 'attempt.sandboxed', 'attempt.paused', 'turn.asked', 'turn.recorded', 'conversation.changed', 'attempt.refused'] then
    raise exception 'only a runner that holds the claim appends these' using errcode = '42501';
  end if;
  perform millwright.lock_trail();
  if array[cardinality(p_streams), cardinality(p_versions), cardinality(p_actors), cardinality(p_ats), cardinality(p_types), cardinality(p_ends), cardinality(p_words_ends)] = array[1, 1, 1, 1, 1, 1, 1] then
    done := millwright.append_alone(p_streams[1], p_versions[1], p_actors[1], p_ats[1], p_types[1], p_salts, p_ends[1],
      convert_to(p_payloads, 'UTF8'), p_words_ends[1], convert_to(p_words, 'UTF8'));
  else
    done := millwright.append_group(p_streams, p_versions, p_actors, p_ats, p_types, p_salts, p_ends, convert_to(p_payloads, 'UTF8'),
      p_words_ends, convert_to(p_words, 'UTF8'));
  end if;
  base := done.base;
  conflicts := done.conflicts;
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
) language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
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

-- appended | conflict | refused. A former claimant's late append is refused and, once a claim, that is put on the trail. That an attempt is
-- closed, its claims say (whatever appends sees to it); its entries need not be read for it.
create function millwright.runner_append(
  p_attempt text, p_secret bytea, p_versions integer[], p_actor text, p_at bigint,
  p_types text[], p_salts bytea, p_ends integer[], p_payloads text, p_words_ends integer[], p_words text,
  out kind text, out at_version integer, out at_position bigint, out reason text
) language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_stream text := 'attempt/' || p_attempt;
  mine record;
  note text;
  n integer;
  done record;
begin
  if not p_types <@ array['database.refused', 'attempt.sandboxed', 'attempt.paused', 'turn.asked', 'turn.recorded', 'turn.lost', 'conversation.changed', 'attempt.closed'] then
    raise exception 'a runner does not append these' using errcode = '42501';
  end if;
  perform millwright.lock_trail();
  select c.*, exists (select from millwright.claims n where n.attempt = c.attempt and n.fence > c.fence) as superseded
    into mine from millwright.claims c where c.attempt = p_attempt and c.secret_hash = sha256(p_secret);
  if not found then
    kind := 'refused'; reason := 'no claim of this attempt has that secret'; return;
  end if;
  if p_actor <> 'runner/' || mine.incarnation and p_actor !~ '^agent/[a-z]+$' then
    raise exception 'a runner acts as itself or as its agent' using errcode = '42501';
  end if;
  if mine.released or mine.superseded then
    kind := 'refused'; reason := 'the claim was taken over';
    if not mine.refused then
      note := format('{"incarnation":"%s","reason":"append with fence %s after the claim was taken over"}', mine.incarnation, mine.fence);
      select max(e.version) into at_version from millwright.entries e where e.stream = v_stream;
      select o.at_position into at_position from millwright.append_one(v_stream, at_version, 'runner/' || mine.incarnation, p_at,
        array['attempt.refused'], array[substr(p_salts, 1, 16)], array[convert_to(note, 'UTF8')]) o;
      update millwright.claims c set refused = true where c.attempt = p_attempt and c.fence = mine.fence;
      perform pg_notify('millwright_trail', at_position::text);
    end if;
    return;
  end if;
  if mine.closed then
    kind := 'refused'; reason := 'the attempt is closed'; return;
  end if;
  n := cardinality(p_types);
  if array[cardinality(p_versions), cardinality(p_types), cardinality(p_ends), cardinality(p_words_ends)] = array[1, 1, 1, 1] then
    done := millwright.append_alone(v_stream, p_versions[1], p_actor, p_at, p_types[1], p_salts, p_ends[1], convert_to(p_payloads, 'UTF8'),
      p_words_ends[1], convert_to(p_words, 'UTF8'));
  else
    done := millwright.append_group(array_fill(v_stream, array[n]), p_versions, array_fill(p_actor, array[n]), array_fill(p_at, array[n]),
      p_types, p_salts, p_ends, convert_to(p_payloads, 'UTF8'), p_words_ends, convert_to(p_words, 'UTF8'));
  end if;
  if done.conflicts is null then
    kind := 'appended'; at_version := p_versions[n]; at_position := done.base + n;
  else
    kind := 'conflict'; at_version := done.conflicts[1];
  end if;
end $$;

-- The attempt's stream, for whoever holds or held a claim of it.
create function millwright.runner_read(p_attempt text, p_secret bytea, p_after integer)
returns table (entry_position bigint, stream text, version integer, type text, actor text, at bigint, payload_digest bytea,
  salt bytea, bytes bytea, words_salt bytea, words bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
  from millwright.entries e left join millwright.payloads p using (position)
  where e.stream = 'attempt/' || p_attempt and e.version > p_after
    and exists (select from millwright.claims c where c.attempt = p_attempt and c.secret_hash = sha256(p_secret))
  order by e.version;
end;

-- *May this go forward?* for a runner: the halts of the factory's own stream, and nothing else of it. Asked before every call of a model.
create function millwright.runner_halts(p_after integer)
returns table (entry_position bigint, stream text, version integer, type text, actor text, at bigint, payload_digest bytea,
  salt bytea, bytes bytea, words_salt bytea, words bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
  from millwright.entries e left join millwright.payloads p using (position)
  where e.stream = 'factory' and e.version > p_after and e.type in ('factory.halted', 'factory.resumed')
  order by e.version;
end;

-- Which units repositories are of, for a runner that asks whether it may go forward under a halt of a unit: what their streams say of that, and
-- nothing else of them.
create function millwright.runner_units(p_repos text[])
returns table (entry_position bigint, stream text, version integer, type text, actor text, at bigint, payload_digest bytea,
  salt bytea, bytes bytea, words_salt bytea, words bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
  from millwright.entries e left join millwright.payloads p using (position)
  where e.stream = any (select 'repo/' || r from unnest(p_repos) r) and e.type in ('repo.added', 'repo.moved')
  order by e.position;
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

-- True: there was something to erase. Whoever may call this still needs the record, which only the orchestrator can append.
create function millwright.redact(p_position bigint, p_record bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare erased integer;
begin
  if not exists (
    select from millwright.entries e join millwright.payloads p using (position)
    where e.position = p_record and e.position > p_position and e.stream = 'factory' and e.type = 'trail.redacted'
      and convert_from(p.bytes, 'UTF8')::json ->> 'position' = p_position::text
  ) then
    raise exception 'entry % does not say that entry % is redacted', p_record, p_position using errcode = '42501';
  end if;
  perform set_config('millwright.redacting', 'yes', true);
  update millwright.payloads p set words = null, words_salt = null where p.position = p_position and p.words is not null;
  get diagnostics erased = row_count;
  perform set_config('millwright.redacting', '', true);
  return erased > 0;
end $$;

grant usage on schema millwright to orchestrator, runner, redactor;
grant select on millwright.entries, millwright.payloads, millwright.heartbeats to orchestrator;
grant select (attempt, fence, incarnation, released, closed) on millwright.claims to orchestrator;
grant execute on function millwright.trail_append, millwright.dead_claims, millwright.is_alive to orchestrator;
grant execute on function millwright.runner_heartbeat, millwright.runner_claim, millwright.runner_append,
  millwright.runner_read, millwright.runner_release, millwright.runner_halts, millwright.runner_units to runner;
grant execute on function millwright.redact to redactor;
