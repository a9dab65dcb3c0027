import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunSeen, type Shop, shop } from '../testing/shop.ts';

// A change that meets a frozen target: what the repository's file says of it, and how its run goes on after the thaw.

let db: TestDatabase;
let at: Shop;
let good: string;

beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await at?.stop();
  await db.close();
});

async function open(...more: string[]): Promise<void> {
  at = await shop(db, 6, {}, undefined, more);
  const first = await at.ship({ 'src/x.js': 'export const x = 2;\n' });
  expect(first.state).toBe('done');
  good = first.release;
}
const NEXT = { 'src/x.js': 'export const x = 3;\n' };
const say = (url: string) => at.api('POST', url, { reason: 'a sale' });
const retry = (run: RunSeen) => say(`/runs/${run.id}/retry`);
/** The run, once its state is this one. */
const seen = (ticket: string, state: string, holds: (run: { delivered: unknown }) => boolean = () => true) =>
  at.until(`a run of ${ticket} that is ${state}`, async () => {
    const [id] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
    const run = id && (await at.api('GET', `/runs/${id}`)).body;
    return run?.state === state && holds(run) ? (run as RunSeen) : null;
  });

test('refuse: nothing is merged while the target is frozen, and after the thaw a retry merges what was made before', async () => {
  await open('  whenFrozen: refuse');
  await say('/targets/shop/freeze');
  const main = at.main();
  const ticket = await at.file(NEXT);
  const refused = await seen(ticket, 'failed');
  expect(refused.reason).toMatch(/frozen \(a sale\).*whenFrozen: refuse.*once it is thawed, retry the run/);
  expect(at.main()).toEqual(main);
  expect(at.live()).toBe(good);
  const attempts = [...at.runner.attempts];

  // Too early, it is refused again, and still nothing is merged.
  const refusals = async () =>
    (await at.trail()).filter(
      ({ type, stream }) => type === 'run.stop-asked' && stream === `run/${refused.id}`,
    ).length;
  expect((await retry(refused)).status).toBe(200);
  await at.until('the second refusal', async () => (await refusals()) === 2);
  await seen(ticket, 'failed');
  expect(at.main()).toEqual(main);

  await say('/targets/shop/thaw');
  expect((await retry(refused)).status).toBe(200);
  const done = await seen(ticket, 'done');
  expect(done.id).toBe(refused.id);
  expect(at.live()).toBe(done.release);
  expect(at.main()).toHaveLength(main.length + 1);
  // It was not released before; nothing else is made anew.
  expect(at.runner.attempts).toEqual([...attempts, 'deploy']);
});

test('refuse: what was merged before the freeze waits for the thaw, and is not taken back', {
  tags: ['long'],
}, async () => {
  await open('  whenFrozen: refuse');
  // Frozen between its merge and its deploy.
  let ask: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  at.target.faults.ask = () => {
    ask();
    return true;
  };
  const ticket = await at.file(NEXT);
  await asked;
  await say('/targets/shop/freeze');
  const main = at.main();
  const waits = await seen(ticket, 'halted', ({ delivered }) => delivered !== null);
  expect((await retry(waits)).body).toMatchObject({
    code: 'not-retried',
    detail: expect.stringContaining('goes on by itself'),
  });
  await say('/targets/shop/thaw');
  const done = await seen(ticket, 'done');
  expect(at.live()).toBe(done.release);
  expect(at.main()).toEqual(main);
});

test('wait: a merged change that is given up while the target is frozen is taken back, and a retry after the thaw ships it', async () => {
  await open();
  await say('/targets/shop/freeze');
  const main = at.main();
  const ticket = await at.file(NEXT);
  const waits = await seen(ticket, 'halted', ({ delivered }) => delivered !== null);
  const attempts = [...at.runner.attempts];
  expect(at.main()).toHaveLength(main.length + 1);
  await say(`/runs/${waits.id}/cancel`);
  await seen(ticket, 'cancelled');
  expect(at.main()[0]).toMatch(/^Revert/);
  expect(at.live()).toBe(good);

  await say('/targets/shop/thaw');
  expect((await retry(waits)).status).toBe(200);
  const done = await seen(ticket, 'done');
  expect(done.id).toBe(waits.id);
  expect(at.live()).toBe(done.release);
  // Merged again, it is another commit, and released from that; nothing else is made anew.
  expect(at.runner.attempts).toEqual([...attempts, 'deploy']);
});

/** From two minutes ago on, for so many seconds from now. */
const window = (seconds: number): string => {
  const at = (ms: number) => {
    const one = new Date(Date.now() + ms);
    return `${one.getUTCSeconds()} ${one.getUTCMinutes()} ${one.getUTCHours()} * * *`;
  };
  return `  freezeWindows: [{ from: "${at(-120_000)}", until: "${at(seconds * 1_000)}", reason: a sale }]`;
};

test('a freeze window holds a deploy and says until when; a person’s thaw lifts it, and it does not begin again', async () => {
  at = await shop(db, 6, {}, undefined, [window(3_600)]);
  const ticket = await at.file(NEXT);
  const waits = await seen(ticket, 'halted', ({ delivered }) => delivered !== null);
  expect(waits.reason).toMatch(/frozen by its freeze window: until 20.*as millwright.yaml says: a sale/);
  expect((await at.api('GET', '/rollbacks')).body[0].frozen).toMatchObject({ by: 'schedule' });
  expect((await say('/targets/shop/thaw')).status).toBe(200);
  const done = await seen(ticket, 'done');
  expect(at.live()).toBe(done.release);
  const next = await at.ship({ 'src/x.js': 'export const x = 4;\n' });
  expect(next.state, next.reason).toBe('done');
});

test('a freeze window that is over lets what waited go on, and leaves what a person froze', async () => {
  at = await shop(db, 6, {}, undefined, [window(6)]);
  const done = await at.ship(NEXT);
  expect(done.state, done.reason).toBe('done');
  const types = (await at.trail())
    .map(({ type }) => type)
    .filter((type) => /^(target.window|deploy.started|target.released)/.test(type));
  // On a machine that takes longer to come there, it was over already.
  if (types.includes('target.window-began'))
    expect(types).toEqual([
      ...['target.window-began', 'target.window-ended', 'deploy.started', 'target.released'],
    ]);
});
