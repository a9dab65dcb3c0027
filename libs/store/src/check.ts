import { connect, driveError, type Sql } from '@millwright/database';
import type { ArtifactPlace } from './artifact-place.ts';
import { migrations } from './migrate.ts';
import { serverTrouble } from './server-trouble.ts';

/** One that does not answer so long is away, or hangs: whoever uses it waits for it, and says so. Milliseconds. */
const ANSWER_MS = 5_000;
/** SQLSTATE: invalid_password, invalid_authorization_specification, invalid_catalog_name. */
const LOGIN = ['28P01', '28000'];
const NO_DATABASE = '3D000';

type Asked = { role: 'orchestrator' | 'runner'; factory: string; place: ArtifactPlace | null };

/** What each role has to be able to call, and what a role that is not it cannot. */
const CALLS = { orchestrator: 'trail_append', runner: 'runner_claim' } as const;

const MIGRATE = 'have it migrated: npm start does it, and docker-compose up migrate';

async function schemaTrouble(sql: Sql, { role, factory, place }: Asked): Promise<string | null> {
  const [{ who, schema, enters }] = await sql<[{ who: string; schema: boolean; enters: boolean | null }]>`
    select current_user as who, count(n.oid) > 0 as schema, bool_and(has_schema_privilege(n.oid, 'usage')) as enters
    from (select 1) as one left join pg_namespace n on n.nspname = 'millwright'`;
  if (!schema) return `the database holds no factory yet: ${MIGRATE}`;
  const rights = `the role ${who} may not do in the database what ${role === 'runner' ? 'a runner' : 'an orchestrator'} does: use the address that was made for it (role ${role}), or ${MIGRATE}, which grants it`;
  if (!enters) return rights;
  const [{ may }] = await sql<[{ may: boolean | null }]>`
    select bool_or(has_function_privilege(p.oid, 'execute')) as may
    from pg_proc p where p.pronamespace = 'millwright'::regnamespace and p.proname = ${CALLS[role]}`;
  if (may === false) return rights;
  const [{ sees }] = await sql<[{ sees: boolean }]>`
    select coalesce(has_table_privilege(to_regclass('millwright.identity'), 'select'), false) as sees`;
  if (may === null || !sees) return `the database is as an older version left it: ${MIGRATE}`;
  const applied = await sql<
    { name: string; sha256: string }[]
  >`select name, sha256 from millwright.migrations`;
  const ours = migrations();
  const newer = applied.find(({ name }) => !ours.some((one) => one.name === name));
  if (newer !== undefined)
    return `the database was made by a newer version (it has ${newer.name}): start that version here, or give this one a database of its own (DATABASE_URL); nothing was changed`;
  const other = ours.find(({ name, sha256 }) =>
    applied.some((one) => one.name === name && one.sha256 !== sha256),
  );
  if (other !== undefined)
    return `the database has ${other.name} in another form than this version: it was made by a version that was never released; use that one, or an empty database`;
  if (applied.length < ours.length) return `the database is as an older version left it: ${MIGRATE}`;
  if (role === 'orchestrator')
    await sql`insert into millwright.identity (factory) values (${factory}) on conflict do nothing`;
  const [is] = await sql<
    { factory: string; artifacts: string }[]
  >`select factory, artifacts from millwright.identity`;
  if (is === undefined) return null;
  if (is.factory !== factory)
    return `the database is that of another factory (${is.factory}; this one is ${factory}): two on one would undo each other's work. Give this one a database of its own (DATABASE_URL), or start it as that one (MILLWRIGHT_FACTORY=${is.factory}, with its data folder)`;
  const name = place?.name ?? 'postgres';
  if (is.artifacts === name) return null;
  if (role === 'runner')
    return `the factory keeps large artifacts in ${is.artifacts}, and this runner would in ${name}: set MILLWRIGHT_ARTIFACTS as its orchestrator has it`;
  // What lies in the database stays readable there; what lies elsewhere has to be brought along.
  if (is.artifacts !== 'postgres')
    return `the factory's large artifacts lie in ${is.artifacts}, and not in ${name}: set MILLWRIGHT_ARTIFACTS as it was, or copy them there and then: update millwright.identity set artifacts = '${name}'`;
  await sql`update millwright.identity set artifacts = ${name}`;
  return null;
}

/**
 * What is wrong with a database and does not mend itself, with what to do; null where nothing is, and where it is away or silent. Never names a
 * password. The first orchestrator makes the database its factory's.
 */
export async function databaseTrouble(url: string, asked: Asked): Promise<string | null> {
  const sql = connect(url, { max: 1, connection: { statement_timeout: ANSWER_MS } });
  try {
    return (await serverTrouble(sql)) ?? (await asked.place?.trouble()) ?? (await schemaTrouble(sql, asked));
  } catch (error) {
    const cause = driveError('store', error);
    if (cause.disposition === 'retryable') return null;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const { username, host, pathname } = new URL(url);
    const database = pathname.slice(1);
    if (LOGIN.includes(code))
      return `the database at ${host} does not let ${username} in: check the password in DATABASE_URL, and pg_hba.conf there`;
    if (code === NO_DATABASE) return `there is no database ${database} at ${host}: ${MIGRATE}`;
    return `the database cannot be used: ${cause.message}`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
