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

grant execute on function millwright.runner_note to runner;
grant select on millwright.runner_notes to orchestrator;
