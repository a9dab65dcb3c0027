import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

const FILES = { 'src/x.js': 'export const x = 1;\n', 'millwright.yaml': 'protected: ["src/**"]\n' };

let db: TestDatabase;
let factory: ScriptedFactory;
let cli: Cli;
/** The implementer waits for what it is told. */
const atWork = Promise.withResolvers<void>();
const goOn = Promise.withResolvers<void>();

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(db, FILES, {
    implement: async () => {
      atWork.resolve();
      await goOn.promise;
      return { 'src/x.js': 'export const x = 2;\n' };
    },
  });
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  cli = await cliOn(factory.app);
});
afterAll(async () => {
  goOn.resolve();
  await factory?.stop();
  await db?.close();
});

test('whoever tells an agent what to do is on the trail before it is told, and allows nothing that comes of it; nobody at work is said', async () => {
  const ann = await factory.enrol('Ann', 'approver', 'author');
  const { body } = await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Two\n' });
  await atWork.promise;
  const id = (await factory.api('GET', `/tickets/${body.id}`)).body.runs[0];
  const said = await cli(['run', 'steer', id, 'keep it short', '--token', ann.token]);
  expect([said.code, said.out]).toEqual([0, expect.stringContaining('Said to implement')]);
  expect(said.out).toContain(`run watch ${id}`);
  const trail = (await factory.api('GET', `/trail?run=${id}&limit=1000`)).body as {
    type: string;
    data: { text?: string };
    actor: string;
  }[];
  expect(trail.filter(({ type }) => type.endsWith('.steered'))).toMatchObject([
    { type: 'run.steered', data: { text: 'keep it short' } },
    { type: 'attempt.steered', data: { text: 'keep it short' } },
  ]);
  const other = await cli(['run', 'steer', id, 'x', '--task', 'none']);
  expect([other.code, other.err]).toEqual([1, expect.stringContaining('no agent of this run is at work')]);
  goOn.resolve();
  const gate = await factory.until('its merge gate', async () =>
    (await factory.api('GET', '/gates')).body.find(({ state }: { state: string }) => state === 'waiting'),
  );
  const refused = await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'mine' }, ann.token);
  expect(refused.body.detail).toContain('told its agents what to do');
  await factory.until(
    'nobody at work',
    async () =>
      (await factory.api('POST', `/runs/${id}/steering`, { text: 'late' })).body.code === 'not-steered',
  );
});
