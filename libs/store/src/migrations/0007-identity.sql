-- Which factory this database is of: its first orchestrator says it, and another factory's is refused. Which files were applied, every role may see.
create table millwright.identity (
  one boolean primary key default true check (one),
  factory text not null
);
grant select, insert on millwright.identity to orchestrator;
grant select on millwright.identity, millwright.migrations to runner, orchestrator;
