import { afterEach, beforeEach, expect, test } from 'vitest';
import { deploy } from './deploy.ts';
import { rollback } from './rollback.ts';
import { clock, memoryJournal, type Stand, stand } from './testing/stand.ts';

let at: Stand;
beforeEach(async () => {
  at = await stand();
});
afterEach(async () => {
  await at.close();
});

const answer = async () => {
  const response = await fetch(`http://127.0.0.1:${at.port}/`, { headers: { connection: 'close' } });
  return `${response.status} ${await response.text()}`;
};

test('first deploy, second, and undo', { timeout: 60_000 }, async () => {
  const v1 = await at.release('v1', { version: 'one' });
  const v2 = await at.release('v2', { version: 'two' });
  const journal = memoryJournal();
  const run = at.run({ env: { GREETING: 'hello' } });
  const first = await deploy(at.target, { release: v1, run, live: null, fence: 1, journal, clock });
  expect(first).toMatchObject({ kind: 'promoted', release: v1.id, previous: null });
  expect(await answer()).toBe('200 one');

  const second = await deploy(at.target, { release: v2, run, live: v1, fence: 2, journal, clock });
  expect(second).toMatchObject({ kind: 'promoted', previous: v1.id });
  expect(await answer()).toBe('200 two');
  const state = await at.target.state();
  expect(state.serving).toEqual(new Map([[v2.id, 100]]));
  expect(state.releases.map((each) => each.id)).toEqual([v1.id, v2.id]);

  const back = await rollback(at.target, { to: v1, run, fence: 3, journal, clock });
  expect(back).toMatchObject({ kind: 'switched', from: [v2.id], warm: true });
  expect(await answer()).toBe('200 one');
  expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id]);

  const again = await rollback(at.target, { to: v2, run, fence: 4, journal, clock });
  expect(again).toMatchObject({ kind: 'switched', warm: false });
  expect(await answer()).toBe('200 two');
});
