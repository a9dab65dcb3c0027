-- Where large artifacts lie: `postgres`, a folder or a bucket. All of a factory's processes have to mean the same place.
alter table millwright.identity add column artifacts text not null default 'postgres';
grant update (artifacts) on millwright.identity to orchestrator;
