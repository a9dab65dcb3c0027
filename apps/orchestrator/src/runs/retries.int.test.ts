import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { retryable, terminal } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ADMIN_TOKEN, git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';
import type { Script } from '../testing/scripted-runner.ts';

// What passes is waited for, as long as the run has time; what does not pass ends it.

let db: TestDatabase;
let factory: ScriptedFactory;
beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await factory?.stop();
  await db.close();
});

async function start(script: Script, before = () => {}): Promise<void> {
  factory = await scriptedFactory(db, { 'package.json': '{"name":"shop"}\n', 'a.txt': 'a\n' }, script, {
    retryMs: 5,
  });
  before();
  expect((await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' })).status).toBe(201);
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
}
const file = async () =>
  (await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Do it' }, ADMIN_TOKEN)).body
    .id as string;
const runOf = (
  ticket: string,
  holds: (run: { state: string; reason: string; endedAt: number | null }) => boolean,
) =>
  factory.until(`a run of ${ticket}`, async () => {
    const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[0];
    const view = run && (await factory.api('GET', `/runs/${run}`)).body;
    return view && holds(view) ? view : null;
  });
const ended = (ticket: string) => runOf(ticket, (run) => run.endedAt !== null);
const typesOf = async (run: string) =>
  ((await factory.api('GET', `/trail?run=${run}&limit=1000`)).body as { type: string }[]).map(
    ({ type }) => type,
  );

it('a remote that is away for more tries than anybody counts: the run says what it waits for, and merges once it is back', async () => {
  const away = () => join(factory.root, 'away.git');
  await start({
    implement: () => ({ 'a.txt': 'b\n' }),
    test: () => {
      renameSync(factory.remote, away());
      return 'passed';
    },
  });
  const ticket = await file();
  const waiting = await runOf(
    ticket,
    (run) => run.state === 'waiting' && /tried 1[2-9] times/.test(run.reason),
  );
  expect(waiting.reason).toMatch(/shop\.git.*again at 20/s);
  renameSync(away(), factory.remote);
  const done = await ended(ticket);
  expect(done, done.reason).toMatchObject({ state: 'done' });
  expect(
    git(factory.root, '--git-dir', factory.remote, 'log', '--format=%s', 'main').split('\n'),
  ).toHaveLength(2);
  expect(
    (await typesOf(done.id)).filter((type) => type === 'run.stop-asked' || type === 'merge.finished'),
  ).toEqual(['merge.finished']);
});

it("a repository's copy that cannot be opened is opened once it can", async () => {
  const copy = () => join(factory.root, 'repos', 'shop.git');
  await start({ implement: () => ({ 'a.txt': 'b\n' }) }, () => {
    mkdirSync(dirname(copy()), { recursive: true });
    writeFileSync(copy(), 'not a repository');
  });
  const refused = await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Do it' });
  expect(refused.status).toBeGreaterThanOrEqual(400);
  rmSync(copy());
  // What was refused meanwhile works now, without another start.
  expect((await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'again' })).status).toBe(200);
  const ticket = await file();
  const done = await ended(ticket);
  expect(done, done.reason).toMatchObject({ state: 'done' });
});

/** A factory whose copy of the repository fails to open with `trouble`, if any, once its change was reviewed. */
async function opensOnceReviewed(trouble: () => Error | null): Promise<void> {
  let reviewed = false;
  await start({
    implement: () => ({ 'a.txt': 'b\n' }),
    review: () => {
      reviewed = true;
      return 'approve';
    },
  });
  const { repositories } = factory.factory;
  const open = repositories.open.bind(repositories);
  vi.spyOn(repositories, 'open').mockImplementation(async (name) => {
    const error = reviewed ? trouble() : null;
    if (error !== null) throw error;
    return open(name);
  });
}

it('a step that asks for a pause is tried again no sooner, and its run has no other end', async () => {
  const times: number[] = [];
  await opensOnceReviewed(() => {
    if (times.length > 3) return null;
    times.push(Date.now());
    return times.length <= 3 ? retryable('remote', 'come back later', 400) : null;
  });
  expect(await ended(await file())).toMatchObject({ state: 'done' });
  for (const nth of [1, 2, 3]) expect((times[nth] ?? 0) - (times[nth - 1] ?? 0)).toBeGreaterThanOrEqual(399);
});

it('what does not pass ends the run at once, with what happened', async () => {
  await opensOnceReviewed(() => terminal('artifact-tampered', 'the bytes are others'));
  const end = await ended(await file());
  expect(end).toMatchObject({ state: 'failed', reason: expect.stringContaining('the bytes are others') });
});

it('a planner, a tester and a reviewer whose stage is over leave an account, and where a person lets the run go on the next begins with it', async () => {
  const told: [string, string | undefined, boolean][] = [];
  const over = new Set(['plan', 'test', 'review']);
  await start({
    implement: () => ({ 'a.txt': 'b\n' }),
    over: ({ role, handedOver, workspace }) => {
      told.push([role, handedOver, workspace !== undefined]);
      return over.delete(role) ? `${role}: looked at a.txt` : null;
    },
  });
  const ticket = await file();
  for (const _ of ['plan', 'test', 'review']) {
    const failed = await ended(ticket);
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('limit of turns') });
    expect(failed.acts).toMatchObject([{ act: 'retry-run', id: failed.id }]);
    const retried = await factory.api('POST', `/runs/${failed.id}/retry`, { reason: 'go on' }, ADMIN_TOKEN);
    expect(retried.status).toBe(200);
  }
  expect(await ended(ticket)).toMatchObject({ state: 'done' });
  const of = (wanted: string) =>
    told.flatMap(([role, note, workspace]) => (role === wanted ? [[note, workspace]] : []));
  expect(of('plan')).toEqual([
    [undefined, false],
    ['plan: looked at a.txt', false],
  ]);
  // Who writes goes on with what it wrote.
  expect(of('test').slice(0, 2)).toEqual([
    [undefined, false],
    ['test: looked at a.txt', true],
  ]);
  expect(of('review')).toEqual([
    [undefined, false],
    ['review: looked at a.txt', false],
  ]);
  expect(of('implement').every(([note]) => note === undefined)).toBe(true);
});
