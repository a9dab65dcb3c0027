-- What a runner reads of the factory's own stream: its halts, and which version it was started in, so that a runner of another one takes nothing.
create or replace function millwright.runner_halts(p_after integer)
returns table (entry_position bigint, stream text, version integer, type text, actor text, at bigint, payload_digest bytea,
  salt bytea, bytes bytea, words_salt bytea, words bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
  from millwright.entries e left join millwright.payloads p using (position)
  where e.stream = 'factory' and e.version > p_after and e.type in ('factory.halted', 'factory.resumed', 'factory.started')
  order by e.version;
end;
