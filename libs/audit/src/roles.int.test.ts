import { type Entry, REDACTED, type StreamId } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRedactor } from './redactor.ts';
import { clock, factory, halted, orchestrator, ticket } from './testing/trail.ts';
import { openTrail, type WritableTrail } from './trail.ts';

// Every refusal of the trail is tried as every role that the application uses, on an entry that is really there.

let db: TestDatabase;
let trail: WritableTrail;
beforeAll(async () => {
  db = await testDatabase();
  trail = openTrail({ url: db.url.orchestrator, clock });
  await trail.append({ stream: factory, expectedVersion: 0, actor: orchestrator, entries: [halted('here')] });
});
afterAll(async () => {
  await trail.close();
  await db.close();
});

async function attempt(url: string, statement: string): Promise<string> {
  const sql = postgres(url, { max: 1 });
  try {
    await sql.unsafe(statement);
    return 'done';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    await sql.end();
  }
}

const append = (stream: string, type: string) => `select * from millwright.trail_append(
  array['${stream}'], array[1], array['orchestrator'], array[1]::bigint[], array['${type}'],
  sha256(''), array[2], '{}', array[0], '')`;

const changes = [
  `update millwright.entries set actor = 'migrator'`,
  `update millwright.entries set actor = actor where false`,
  'delete from millwright.entries',
  'truncate millwright.entries',
  `update millwright.payloads set bytes = ''`,
  'delete from millwright.payloads',
  'truncate millwright.payloads',
  "update millwright.checkpoints set note = ''",
  'delete from millwright.checkpoints',
  'truncate millwright.checkpoints, millwright.cosignatures',
  "update millwright.tree set hash = sha256('')",
  'delete from millwright.tree',
  'truncate millwright.tree',
  "update millwright.cosignatures set name = 'x'",
  'delete from millwright.cosignatures',
];

const never = [
  ...changes,
  'alter table millwright.entries disable trigger all',
  'alter table millwright.payloads disable trigger all',
  'drop trigger entries_are_final on millwright.entries',
  'alter table millwright.entries owner to session_user',
  'drop table millwright.entries',
  'create or replace function millwright.refuse_change() returns trigger language plpgsql as $$ begin return null; end $$',
  'drop schema millwright cascade',
  'set session_replication_role = replica',
  'set role migrator',
  'create table millwright.mine (x int)',
  'create table public.mine (x int)',
  'create table bullmq.mine (x int)',
  `insert into millwright.entries values (2, 'factory', 2, 'a.b', 'orchestrator', 1, sha256(''))`,
  `insert into millwright.payloads values (2, sha256(''), '')`,
  `select * from millwright.append_one('factory', 1, 'orchestrator', 1, '{}', '{}', '{}')`,
  'select millwright.lock_trail()',
  "insert into millwright.checkpoints values (1, sha256(''), sha256(''), 'x', 1)",
  "insert into millwright.tree values (4, 0, sha256(''), sha256(''))",
  "insert into millwright.cosignatures values (1, 'x', '00000000', '', 1)",
  'alter table millwright.checkpoints disable trigger all',
  'drop table millwright.tree',
  `update millwright.claims set released = true`,
  `insert into millwright.claims values ('att_00000000', 1, 'x', sha256(''))`,
  'select secret_hash from millwright.claims',
  'begin; lock table millwright.turns in exclusive mode',
  'begin; lock table millwright.entries in exclusive mode',
  'select from millwright.sealer for update',
  'update millwright.sealer set pid = 0',
  'create trigger mine before insert on millwright.entries execute function millwright.refuse_change()',
  'create rule mine as on insert to millwright.entries do instead nothing',
  'alter table millwright.entries drop constraint entries_stream_version_key',
  'alter function millwright.lock_trail() owner to session_user',
  'drop function millwright.refuse_change() cascade',
  'grant migrator to session_user',
  'alter role session_user superuser',
  'alter database postgres owner to session_user',
  'create extension dblink',
  "copy millwright.entries to program 'true'",
  "copy millwright.entries from '/dev/null'",
  "select pg_read_file('/etc/passwd')",
  "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
  'update millwright.migrations set sha256 = sha256',
  'delete from millwright.people',
  'truncate millwright.artifact_chunks',
  'update millwright.artifacts set size = size',
];

describe.each(['orchestrator', 'runner', 'redactor'] as const)('%s', (role) => {
  test.each(never)('may not: %s', async (statement) => {
    expect(await attempt(db.url[role], statement)).toBe('42501');
  });
});

test.each(changes)('its owner may not: %s', async (statement) => {
  expect(await attempt(db.url.migrator, statement)).toBe('42501');
  expect(await attempt(db.url.postgres, statement)).toBe('42501'); // the trigger fires for a superuser as well
});

test.each([
  append('ticket/tkt_00000001', 'factory.halted'),
  'select * from millwright.entries',
  'select * from millwright.payloads',
  'select * from millwright.checkpoints',
  'select * from millwright.tree',
  'select * from millwright.cosignatures',
  `select millwright.seal(0, 1, sha256(''), '', 'x', 1, '{}', '{}', '{}', '{}')`,
  'select millwright.sealer_lock()',
  `select millwright.add_cosignature(1, 'x', '00000000', '', 1)`,
  'select * from millwright.people',
  'select * from millwright.secrets',
  'select sealed from millwright.secrets',
  'select * from millwright.artifacts',
  'select * from millwright.artifact_chunks',
  'select * from millwright.budgets',
  'select * from millwright.dead_claims()',
  'select millwright.budget_settle_dead()',
  'select millwright.budget_of_attempt($$att_00000001$$)',
  'select millwright.redact(1, 2)',
])('a runner may not: %s', async (statement) => {
  expect(await attempt(db.url.runner, statement)).toBe('42501');
});

test.each([
  append('ticket/tkt_00000001', 'factory.halted'),
  'select * from millwright.entries',
  'select * from millwright.payloads',
  'select * from millwright.people',
  'select * from millwright.secrets',
  'select * from millwright.artifact_chunks',
  'select millwright.sealer_lock()',
  `select millwright.runner_claim('att_00000001', 'x', sha256(''), 1, '')`,
  `select millwright.runner_read('att_00000001', '', 0)`,
  `select millwright.runner_heartbeat('x')`,
  `select millwright.artifact_put('x')`,
])('the redactor may not: %s', async (statement) => {
  expect(await attempt(db.url.redactor, statement)).toBe('42501');
});

test.each([
  append('attempt/att_00000001', 'attempt.claimed'),
  append('attempt/att_00000001', 'attempt.sandboxed'),
  append('attempt/att_00000001', 'turn.recorded'),
  append('attempt/att_00000001', 'attempt.refused'),
  `select millwright.runner_claim('att_00000001', 'x', sha256(''), 1, '')`,
  `select millwright.runner_append('att_00000001', '', '{}', 'x', 1, '{}', '', '{}', '', '{}', '')`,
  'select millwright.redact(1, 2)',
])('the orchestrator may not: %s', async (statement) => {
  expect(await attempt(db.url.orchestrator, statement)).toBe('42501');
});

test.each(['orchestrator', 'runner', 'redactor'] as const)(
  'a session of %s that stops inside a transaction is ended by the server: what it locked is free again',
  async (role) => {
    const sql = postgres(db.url[role], { max: 1, onnotice: () => undefined });
    const [set] = await sql`show idle_in_transaction_session_timeout`;
    expect(set).toEqual({ idle_in_transaction_session_timeout: '5s' });
    await sql.end();
  },
);

test('one that stops while it holds the trail’s lock holds up nobody for longer than that', async () => {
  const stopped = postgres(db.url.orchestrator, { max: 1, onnotice: () => undefined });
  await stopped.unsafe(`set idle_in_transaction_session_timeout = '300ms'`); // the role's own is 5 s
  const held = stopped.unsafe(`begin; ${append('ticket/tkt_00000003', 'factory.halted')}`);
  await held;
  const entries = [halted('waited for it')];
  const done = await trail.append({ stream: ticket(10), expectedVersion: 0, actor: orchestrator, entries });
  expect(done).toMatchObject({ kind: 'appended' });
  // What it had appended was never committed.
  const [none] = await trail.read('ticket/tkt_00000003' as StreamId);
  expect(none).toBeUndefined();
  await stopped.end({ timeout: 1 }).catch(() => undefined);
});

test('an append runs in read committed or not at all: a stricter snapshot would see an old head', async () => {
  const inside = (level: string) =>
    `begin isolation level ${level}; ${append('ticket/tkt_00000002', 'factory.halted')}; rollback`;
  expect(await attempt(db.url.orchestrator, inside('repeatable read'))).toBe('25001');
  expect(await attempt(db.url.orchestrator, inside('read committed'))).toBe('done');
});

test('no role can hold up the trail or its sealing: an advisory lock is anybody’s, and is not what they wait for', async () => {
  const orchestrators = postgres(db.url.orchestrator, { max: 1 });
  const [first] = await orchestrators`select millwright.sealer_lock() as held`;
  const superuser = postgres(db.url.postgres, { max: 1 });
  const [{ key }] = await superuser<[{ key: string }]>`select key from millwright.sealer`;
  const others = [db.url.runner, db.url.redactor].map((url) => postgres(url, { max: 1 }));
  for (const sql of others)
    for (const one of ['5574937551044902', '5574937551044905', key])
      await sql`select pg_try_advisory_lock_shared(${one}::bigint), pg_try_advisory_lock(${one}::bigint)`;
  await trail.append({
    stream: ticket(9),
    expectedVersion: 0,
    actor: orchestrator,
    entries: [halted('goes on')],
  });
  const [again] = await orchestrators`select millwright.sealer_lock() as held`;
  expect([first, again]).toEqual([{ held: true }, { held: true }]);
  await orchestrators.end();
  // The sealer is gone, and its key in other hands: that makes nobody the sealer, and keeps nobody from being it.
  for (const sql of others) await sql`select pg_try_advisory_lock(${key}::bigint)`;
  const next = postgres(db.url.orchestrator, { max: 1 });
  await expect.poll(async () => (await next`select millwright.sealer_lock() as held`)[0]?.held).toBe(true);
  await Promise.all([next, superuser, ...others].map((sql) => sql.end()));
});

test('the redactor erases free text that the trail says is redacted, and nothing else', async () => {
  const redactor = openRedactor({ url: db.url.redactor });
  const say = async (stream: StreamId, entry: Entry) => {
    const expectedVersion = (await trail.read(stream)).length;
    const done = await trail.append({ stream, expectedVersion, actor: orchestrator, entries: [entry] });
    if (done.kind !== 'appended') throw new Error(done.kind);
    return done.position;
  };
  const halt = await say(ticket(1), halted('a name'));
  const other = await say(ticket(1), { type: 'factory.started', data: { version: '1' } });
  const record = await say(factory, { type: 'trail.redacted', data: { position: halt, reason: 'a name' } });
  for (const [position, by] of [
    [halt, other],
    [other, record],
    [record, record],
    [halt, 1_000],
  ] as const)
    await expect(redactor.redact(position, by)).rejects.toMatchObject({ code: 'trail-forbidden' });
  expect(await redactor.redact(halt, record)).toBe(true);
  expect(await redactor.redact(halt, record)).toBe(false);
  await redactor.close();
  // What happened stands, and so does every proof: only the words are gone.
  expect((await trail.read(ticket(1))).map((r) => r.entry)).toEqual([
    halted(REDACTED),
    { type: 'factory.started', data: { version: '1' } },
  ]);
  const sql = postgres(db.url.postgres, { max: 1 });
  const [row] = await sql`select words, words_salt from millwright.payloads where position = ${halt}`;
  expect(row).toEqual({ words: null, words_salt: null });
  await sql.end();
});

test('nothing was changed by all of that', async () => {
  expect((await trail.read(factory))[0]?.entry).toEqual(halted('here'));
});
