-- What is listed and looked up: rows made of the trail and of nothing else, so that they can be thrown away at any time (libs/read-model).
-- The orchestrator writes them, in the transaction that moves their checkpoint. They have a schema of their own, so that another one is
-- filled beside it and takes its place at once.
create function millwright.make_read_model(p_schema text, p_version integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $make$
declare
  kind text;
begin
  if p_schema not in ('read', 'read_next') then
    raise exception 'not a schema of the read model: %', p_schema using errcode = '22023';
  end if;
  execute format('drop schema if exists %I cascade', p_schema);
  execute format($ddl$
    create schema %1$I;

    -- Which form of the rows this is, and up to where on the trail they say it all.
    create table %1$I.checkpoint (
      one boolean primary key default true check (one),
      version integer not null,
      position bigint not null
    );
    insert into %1$I.checkpoint (version, position) values (%2$s, 0);

    -- Entries that could not be drawn in: for a person to look at. They are not tried again but by a rebuild.
    create table %1$I.parked (
      position bigint primary key,
      type text collate "C" not null,
      reason text not null
    );

    -- How an entry is found again. Not indexes on `entries`: those would be paid for by every append, under the one lock.
    create table %1$I.trail_lines (
      position bigint primary key,
      type text collate "C" not null,
      actor text collate "C" not null,
      at bigint not null,
      run text collate "C",
      repo text collate "C"
    );
    create index on %1$I.trail_lines (type, position);
    create index on %1$I.trail_lines (actor, position);
    -- For an actor who does a lot and never that: without it, all that the actor did is looked through (0.4 s of a million entries).
    create index on %1$I.trail_lines (actor, type, position);
    create index on %1$I.trail_lines (run, position) where run is not null;
    create index on %1$I.trail_lines (repo, position) where repo is not null;
    create table %1$I.trail_actors (actor text collate "C" primary key);

    -- Which run a gate is of.
    create table %1$I.gates (
      id text collate "C" primary key,
      run text collate "C" not null
    );

    -- The times of 1,024 entries each. Clocks of several processes need not agree, so the order of entries says nothing of their times.
    create table %1$I.trail_blocks (
      block bigint primary key,
      earliest bigint not null,
      latest bigint not null
    );
  $ddl$, p_schema, p_version);
  -- Each thing that entries speak of, as they leave it. `nth`: in the order in which they came to be. `open`: something is still to come of it.
  -- Text, since jsonb refuses \u0000.
  foreach kind in array array['repos', 'tickets', 'runs', 'attempts', 'releases', 'targets', 'quarantines', 'effects', 'settings'] loop
    execute format($ddl$
      create table %1$I.%2$I (
        id text collate "C" primary key,
        nth bigint generated always as identity unique,
        repo text collate "C",
        open boolean not null,
        state text not null
      );
      create index on %1$I.%2$I (repo, nth) where repo is not null;
      create index on %1$I.%2$I (nth) where open;
    $ddl$, p_schema, kind);
  end loop;
  execute format($ddl$
    grant usage on schema %1$I to orchestrator;
    grant select, insert, update, delete on all tables in schema %1$I to orchestrator;
  $ddl$, p_schema);
end $make$;

-- What was filled beside the read model takes its place, with what the planner wants to know of it. Whoever reads it is not waited for long:
-- nothing is drawn in meanwhile (SQLSTATE 55P03).
create function millwright.swap_read_model() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
begin
  drop schema read cascade;
  alter schema read_next rename to read;
  analyze read.trail_lines;
end $$;

grant execute on function millwright.make_read_model, millwright.swap_read_model to orchestrator;
select millwright.make_read_model('read', 1);
