import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, type Store } from './index.ts';
import { type TestDatabase, testDatabase } from './testing/index.ts';

let db: TestDatabase;
let runner: Store;
let orchestrator: Store;
beforeAll(async () => {
  db = await testDatabase();
  runner = openStore({ url: db.url.runner });
  orchestrator = openStore({ url: db.url.orchestrator });
});
afterAll(async () => {
  await Promise.all([runner?.close(), orchestrator?.close()]);
  await db?.close();
});

test('the last word of each key is read, and taken back; a runner reads none', async () => {
  await runner.notes.say('doing/att_a', 'thinks: one');
  await runner.notes.say('doing/att_a', 'thinks: two\0');
  await runner.notes.say('doing/att_b', 'x'.repeat(9_000));
  await runner.notes.say('model/m', 'there');
  await orchestrator.people.list();
  const said = await orchestrator.notes.list('doing/');
  expect(said.map(({ key, text }) => [key, text.slice(0, 20)])).toEqual([
    ['doing/att_a', 'thinks: two'],
    ['doing/att_b', 'x'.repeat(20)],
  ]);
  expect(said.every(({ at }) => Math.abs(at - Date.now()) < 60_000)).toBe(true);
  await runner.notes.say('doing/att_a', null);
  expect((await orchestrator.notes.list('doing/')).map(({ key }) => key)).toEqual(['doing/att_b']);
  await expect(runner.notes.list('model/')).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(orchestrator.notes.say('model/m', 'mine')).rejects.toMatchObject({ code: 'store-forbidden' });
});
