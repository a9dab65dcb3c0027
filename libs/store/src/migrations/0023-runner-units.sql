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
grant execute on function millwright.runner_units to runner;
