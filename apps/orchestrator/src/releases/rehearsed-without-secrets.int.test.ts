import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';

// Merged code that nobody has allowed to go out is run for its rehearsal, and gets none of the repository's secrets for it.

const SECRETS = ['  secrets: [API_KEY]'];
let db: TestDatabase;
let at: Shop;
beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await at?.stop();
  await db.close();
});

async function open(step: number) {
  at = await shop(db, step, {}, undefined, SECRETS);
  await at.api('POST', '/repos/shop/secrets', { name: 'API_KEY', value: 'a-value-of-the-tests' });
  return at.enrol('Ann', 'approver');
}
const givenTo = (release: string) =>
  at.target.given.filter((one) => one.release === release).map(({ secrets }) => secrets);
const waiting = (ticket: string) =>
  at.until('the deploy gate to wait', async () => {
    const [id] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
    const run = id && (await at.api('GET', `/runs/${id}`)).body;
    return run?.gates.find(
      (one: { action: string; state: string }) => one.action === 'deploy' && one.state === 'waiting',
    )
      ? run
      : null;
  });

test('where people decide, the rehearsal has no secrets, and what they let out has them', async () => {
  const ann = await open(5);
  const ticket = await at.file({ 'src/x.js': 'export const x = 2;\n' });
  const ended = at.ended(ticket);
  const merging = at.until('the merge gate', async () => {
    const [gate] = (await at.api('GET', '/gates')).body.filter(
      (one: { action: string }) => one.action === 'merge',
    );
    return gate ?? null;
  });
  await at.api('POST', `/gates/${(await merging).id}/approve`, { reason: 'yes' }, ann.token);
  const run = await waiting(ticket);
  expect(givenTo(run.release)).toEqual([[]]);
  const { end } = await at.allowing(ann.token, ended);
  expect(end.state).toBe('done');
  expect(givenTo(run.release).at(-1)).toEqual(['API_KEY']);
});

test('one that does not run without them is rehearsed once it is allowed, and is no failure', async () => {
  const ann = await open(5);
  at.target.faults.ask = (release) => givenTo(release).at(-1)?.includes('API_KEY') ?? false;
  const { end } = await at.allowing(
    ann.token,
    at.ended(await at.file({ 'src/x.js': 'export const x = 2;\n' })),
  );
  expect(end.state).toBe('done');
  const rehearsed = (await at.trail()).findLast(({ type }) => type === 'release.rehearsed');
  expect(rehearsed?.data).toMatchObject({ result: 'later', ms: null });
  expect(at.live()).toBe(end.release);
});

test('what the policy lets out alone is rehearsed as it will run', async () => {
  await open(6);
  const run = await at.ship({ 'src/x.js': 'export const x = 2;\n' });
  expect(run.state).toBe('done');
  expect(givenTo(run.release)).toEqual([['API_KEY'], ['API_KEY']]);
});
