import { randomUUID } from 'node:crypto';
import { openRunnerTrail, openTrail, type WritableTrail } from '@millwright/audit';
import { type Actor, AttemptId, type Clock, type Digest, RunId, streamOf } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { openStore, type Store } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ScriptedFactory, scriptedFactory } from './testing/scripted-factory.ts';

// What others left in the store, found by the orchestrator as it is composed: at its start, and while it runs.

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
let db: TestDatabase;
let trail: WritableTrail;
let store: Store;
let admin: postgres.Sql;
let factory: ScriptedFactory | undefined;
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  trail = openTrail({ url: db.url.orchestrator, clock });
  store = openStore({ url: db.url.runner });
  admin = postgres(db.url.postgres, { max: 1 });
});
afterAll(async () => {
  await factory?.stop();
  await Promise.all([trail.close(), store.close(), admin.end()]);
  await db.close();
});

let made = 0;
/** A runner that reserves a dollar for a call and is gone. */
async function diesInACall(scope: string): Promise<void> {
  const attempt = AttemptId.parse(`att_${String(++made).padStart(16, '0')}`);
  const run = RunId.parse('run_0000000000000001');
  const spec = `sha256:${'0'.repeat(64)}` as Digest;
  const deadline = Date.now() + 3_600_000;
  const data = { attempt, run, role: 'plan' as const, spec, deadline };
  await trail.append({
    ...{ stream: streamOf.attempt(attempt), expectedVersion: 0, actor: 'orchestrator' as Actor },
    entries: [{ type: 'attempt.opened', data }],
  });
  const runner = await openRunnerTrail({ url: db.url.runner, clock, incarnation: `dies-${made}` });
  expect(await runner.claim(attempt)).toMatchObject({ kind: 'claimed', fence: 1 });
  expect(await store.budget.reserve(`${attempt}/1/1/1`, ['factory', scope], 1)).toEqual({ kind: 'reserved' });
  await runner.close();
}
/** An upload of one chunk that nobody finished, `age` old. */
const leavesAnUpload = async (age: string) => {
  const blob = randomUUID();
  await admin`select millwright.artifact_chunk(${blob}, 0, ${Buffer.from('half')})`;
  await admin`update millwright.artifact_chunks set written_at = now() - ${age}::interval where blob = ${blob}`;
  return blob;
};
const uploads = async () =>
  (await admin<{ blob: string }[]>`select distinct blob from millwright.artifact_chunks`).map(
    ({ blob }) => blob,
  );
const lineOf = async (scope: string) =>
  (await (factory as ScriptedFactory).factory.store.budget.list()).find((line) => line.scope === scope);

it('settles what a dead runner reserved and removes what an upload left, from before its start and after it', async () => {
  await diesInACall('repo/before');
  const [old, young] = [await leavesAnUpload('2 hours'), await leavesAnUpload('10 minutes')];
  factory = await scriptedFactory(db, { 'a.txt': 'a\n' }, {}, { uploadsMs: 200 });
  const { until } = factory;
  await until(
    'the reservation of before to be settled',
    async () => (await lineOf('repo/before'))?.spentUsd === 1,
  );
  await until('the old upload to be removed', async () => !(await uploads()).includes(old));
  await diesInACall('repo/after');
  await until(
    'the reservation of now to be settled',
    async () => (await lineOf('repo/after'))?.spentUsd === 1,
  );
  expect(await lineOf('factory')).toMatchObject({ spentUsd: 2, reservedUsd: 0 });
  const later = await leavesAnUpload('61 minutes');
  await until('the later upload to be removed', async () => !(await uploads()).includes(later));
  expect(await uploads()).toContain(young);
});
