-- Free text lies beside its payload, under a salt of its own; the payload holds its digest. So it can be erased, and the payload, the
-- entry, the tree and the state of the factory stand as they were. Invariant 2 of 0001 becomes: nobody updates or deletes a payload;
-- redact() alone takes its words away, and only where an entry of the trail says so.

alter table millwright.payloads
  add column words_salt bytea check (octet_length(words_salt) = 16),
  add column words bytea check (octet_length(words) <= 4194304),
  add check ((words is null) = (words_salt is null));

create or replace function millwright.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'payloads' and tg_op = 'UPDATE' and current_setting('millwright.redacting', true) = 'yes' then
    return null;
  end if;
  raise exception 'the trail is append-only: % of %', lower(tg_op), tg_table_name using errcode = '42501';
end $$;

drop function millwright.redact(bigint);
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
grant execute on function millwright.redact to redactor;

drop function millwright.append_one(text, integer, text, bigint, text[], bytea[], bytea[]);
-- As in 0001, with words.
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

drop function millwright.trail_append(text[], integer[], text[], bigint[], integer[], text[], bytea[], bytea[]);
-- As in 0005, with words.
create function millwright.trail_append(
  p_streams text[], p_expected integer[], p_actors text[], p_ats bigint[], p_counts integer[],
  p_types text[], p_salts bytea[], p_payloads bytea[], p_words_salts bytea[], p_words bytea[]
) returns table (kind text, at_version integer, at_position bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  first integer := 1;
  last integer;
  base bigint;
  head bigint := null;
begin
  if p_types && array['attempt.claimed', 'attempt.sandboxed', 'turn.recorded', 'attempt.refused'] then
    raise exception 'only a runner that holds the claim appends these' using errcode = '42501';
  end if;
  if (select coalesce(sum(c), 0) <> cardinality(p_types) or bool_or(c is null or c < 1 or c > 200) from unnest(p_counts) c)
    or array[cardinality(p_salts), cardinality(p_payloads), cardinality(p_words_salts), cardinality(p_words)]
      <> array_fill(cardinality(p_types), array[4])
    or cardinality(p_counts) <> cardinality(p_streams) then
    raise exception 'an append has 1 to 200 entries, each with salt and payload' using errcode = '22023';
  end if;
  perform millwright.lock_trail();
  if cardinality(p_streams) < 8 or 'attempt.closed' = any (p_types) or (select count(distinct s) <> count(*) from unnest(p_streams) s) then
    for i in 1 .. cardinality(p_streams) loop
      last := first + p_counts[i] - 1;
      select o.kind, o.at_version, o.at_position into kind, at_version, at_position
        from millwright.append_one(p_streams[i], p_expected[i], p_actors[i], p_ats[i],
          p_types[first:last], p_salts[first:last], p_payloads[first:last], p_words_salts[first:last], p_words[first:last]) o;
      first := last + 1;
      head := coalesce(at_position, head);
      return next;
    end loop;
    if head is not null then
      perform pg_notify('millwright_trail', head::text);
    end if;
    return;
  end if;
  select coalesce(max(e.position), 0) into base from millwright.entries e;
  return query
    with asked as materialized (
      select a.o, a.stream, a.expected, a.actor, a.at, a.n, sum(a.n) over (order by a.o) - a.n as before,
        coalesce((select max(e.version) from millwright.entries e where e.stream = a.stream), 0) as reached
      from unnest(p_streams, p_expected, p_actors, p_ats, p_counts) with ordinality as a(stream, expected, actor, at, n, o)
    ), placed as materialized (
      select a.*, a.expected = a.reached as fits,
        base + sum(case when a.expected = a.reached then a.n else 0 end) over (order by a.o) as upto
      from asked a
    ), fresh as materialized (
      select p.stream, p.expected + k as version, p.upto - p.n + k as position, p.actor, p.at, u.t, u.s, u.b, u.ws, u.w
      from placed p cross join lateral generate_series(1, p.n) as k
        join unnest(p_types, p_salts, p_payloads, p_words_salts, p_words) with ordinality as u(t, s, b, ws, w, o) on u.o = p.before + k
      where p.fits
    ), stored as (
      insert into millwright.entries (position, stream, version, type, actor, at, payload_digest)
        select f.position, f.stream, f.version, f.t, f.actor, f.at, sha256(f.s || f.b) from fresh f order by f.position
    ), kept as (
      insert into millwright.payloads (position, salt, bytes, words_salt, words)
        select f.position, f.s, f.b, f.ws, f.w from fresh f order by f.position
    )
    select case when p.fits then 'appended' else 'conflict' end, case when p.fits then p.expected + p.n else p.reached end,
      case when p.fits then p.upto end
    from placed p order by p.o;
  select max(e.position) into head from millwright.entries e;
  if head > base then
    perform pg_notify('millwright_trail', head::text);
  end if;
end $$;
grant execute on function millwright.trail_append to orchestrator;

drop function millwright.runner_append(text, bytea, integer, text, bigint, text[], bytea[], bytea[]);
-- As in 0001, with words.
create function millwright.runner_append(
  p_attempt text, p_secret bytea, p_expected integer, p_actor text, p_at bigint,
  p_types text[], p_salts bytea[], p_payloads bytea[], p_words_salts bytea[], p_words bytea[],
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
    from millwright.append_one(v_stream, p_expected, p_actor, p_at, p_types, p_salts, p_payloads, p_words_salts, p_words) o;
  if kind = 'appended' then
    perform pg_notify('millwright_trail', at_position::text);
  end if;
end $$;

drop function millwright.runner_read(text, bytea, integer);
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
grant execute on function millwright.runner_append, millwright.runner_read to runner;
