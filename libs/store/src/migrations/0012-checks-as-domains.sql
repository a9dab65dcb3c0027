-- What a column may hold is said by its type. A CHECK of a table is read from its text and planned anew for every statement: twelve of them were a
-- quarter of the server's time for an append by itself (640 µs before, 500 so). A domain's is kept ready by the session, and guards the same: every
-- row, whoever writes it.

create domain millwright.trail_position as bigint check (value > 0);
create domain millwright.trail_version as integer check (value > 0);
create domain millwright.trail_time as bigint check (value >= 0); -- milliseconds since the epoch, by the caller's clock
create domain millwright.trail_digest as bytea check (octet_length(value) = 32);
create domain millwright.trail_salt as bytea check (octet_length(value) = 16);
create domain millwright.trail_bytes as bytea check (octet_length(value) <= 4194304);
create domain millwright.trail_type as text collate "C" check (value ~ '^[a-z]+\.[a-z-]+$');
-- As in 0009.
create domain millwright.trail_stream as text collate "C" check (
  value = 'factory'
  or substr(value, 1, position('/' in value)) in ('run/', 'attempt/', 'ticket/', 'repo/', 'target/', 'person/')
    and octet_length(value) - position('/' in value) between 1 and 64
    and substr(value, position('/' in value) + 1) !~ '[^0-9a-z._-]'
);
create domain millwright.trail_actor as text collate "C" check (
  value in ('orchestrator', 'migrator')
  or value ~ '^(per_[0-9a-z]+|agent/[a-z]+|runner/[0-9a-z-]+)$'
    and (value !~ '^per_' or octet_length(value) between 12 and 36)
  or value ~ '^(schedule/[0-9a-z-]+|integration/[a-z]+/[0-9A-Za-z._-]+)$' and octet_length(value) <= 110
);

-- It names the columns' types; below it is as it was.
drop function millwright.runner_read(text, bytea, integer);

-- Each table is written anew, once: 3 s for 200,000 entries (measured).
alter table millwright.entries
  drop constraint entries_position_check, drop constraint entries_stream_check, drop constraint entries_version_check,
  drop constraint entries_type_check, drop constraint entries_actor_check, drop constraint entries_at_check,
  drop constraint entries_payload_digest_check,
  alter position type millwright.trail_position, alter stream type millwright.trail_stream, alter version type millwright.trail_version,
  alter type type millwright.trail_type, alter actor type millwright.trail_actor, alter at type millwright.trail_time,
  alter payload_digest type millwright.trail_digest;
alter table millwright.payloads
  drop constraint payloads_salt_check, drop constraint payloads_bytes_check, drop constraint payloads_words_salt_check,
  drop constraint payloads_words_check,
  alter salt type millwright.trail_salt, alter bytes type millwright.trail_bytes,
  alter words_salt type millwright.trail_salt, alter words type millwright.trail_bytes;
-- What was known of the columns' values went with their types. A table without rows must not be known as one: functions would keep plans that read
-- it from end to end.
do $$
begin
  if exists (select from millwright.entries) then
    analyze millwright.entries, millwright.payloads;
  end if;
end $$;

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
grant execute on function millwright.runner_read to runner;

-- The ways to append take the lock themselves: calling lock_trail cost 30 µs of the 400 that were left. What it says (0001, 0007) holds for them.
do $$
declare
  f regprocedure;
  body text;
begin
  foreach f in array (
    select array_agg(p.oid::regprocedure) from pg_proc p
    where p.pronamespace = 'millwright'::regnamespace and p.proname in ('trail_append', 'runner_append')
  ) loop
    body := pg_get_functiondef(f);
    if position('  perform millwright.lock_trail();' in body) = 0 then
      raise exception '% does not take the lock', f;
    end if;
    execute replace(body, '  perform millwright.lock_trail();', $lock$  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'appends run in read committed, not %', current_setting('transaction_isolation') using errcode = '25001';
  end if;
  lock table millwright.turns in exclusive mode;$lock$);
  end loop;
end $$;
