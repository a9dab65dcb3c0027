-- One entry by itself, which is what most appends are (a turn, a run's next step), without arrays and what reads them: the server spends 155 µs
-- on it where append_group spends 300.

-- Under the lock only. Appends the entry, or says which version was found instead of the one before it.
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

-- Both ways to append give a call of one entry to it. Their bodies stay as they are, so nothing else of them is said twice.
do $$
declare
  each record;
  body text;
begin
  for each in select * from (values
    ('trail_append', 'p_streams[1], p_versions[1], p_actors[1], p_ats[1], p_types[1]', 'array[cardinality(p_streams), cardinality(p_versions), cardinality(p_actors), cardinality(p_ats), cardinality(p_types), cardinality(p_ends), cardinality(p_words_ends)] = array[1, 1, 1, 1, 1, 1, 1]'),
    ('runner_append', 'v_stream, p_versions[1], p_actor, p_at, p_types[1]', 'array[cardinality(p_versions), cardinality(p_types), cardinality(p_ends), cardinality(p_words_ends)] = array[1, 1, 1, 1]')
  ) as f(name, entry, single) loop
    body := pg_get_functiondef((
      select p.oid from pg_proc p where p.pronamespace = 'millwright'::regnamespace and p.proname = each.name
    ));
    if position('  done := millwright.append_group(' in body) = 0 then
      raise exception '% does not append a group', each.name;
    end if;
    body := regexp_replace(body, '  (done := millwright.append_group\([^;]*;)', format(
      E'  if %s then\n    done := millwright.append_alone(%s, p_salts, p_ends[1], convert_to(p_payloads, ''UTF8''),\n      p_words_ends[1], convert_to(p_words, ''UTF8''));\n  else\n    \\1\n  end if;',
      each.single, each.entry));
    execute body;
  end loop;
end $$;
