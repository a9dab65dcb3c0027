import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';
import type { Script } from '../testing/scripted-runner.ts';

// Outcomes are what the outside shows, and nobody's work is lost: through the API, on real git.

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

/** What was done in order, without the checks, which are written beside it. */
const worked = () => factory.runner.attempts.filter((role) => role !== 'checks');
const LINES = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';
const FILES = { 'a.txt': LINES, 'src/x.js': 'export const x = 1;\n', 'package.json': '{"name":"shop"}\n' };
const RAISED = { '.github/workflows/x.yml': 'on: push\n' };

async function start(script: Script, settings = {}): Promise<void> {
  factory = await scriptedFactory(db, FILES, script, settings);
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
}
const file = async (title = 'Do it'): Promise<string> =>
  (await factory.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n\nplease` })).body.id;
const runOf = async (ticket: string) => {
  const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[0];
  return run === undefined ? null : (await factory.api('GET', `/runs/${run}`)).body;
};
const until = (ticket: string, what: string, fits: (run: { state: string; reason: string }) => boolean) =>
  factory.until(what, async () => {
    const run = await runOf(ticket);
    return run !== null && fits(run) ? run : null;
  });
const ended = (ticket: string) =>
  until(ticket, 'its end', ({ state }) => !['running', 'waiting'].includes(state));
const waitingGate = (not = '') =>
  factory.until('a waiting gate', async () =>
    (await factory.api('GET', '/gates')).body.find((one: { id: string }) => one.id !== not),
  );
const remote = (...args: string[]) => git(factory.root, '--git-dir', factory.remote, ...args);
const types = async (run: string) =>
  ((await factory.api('GET', `/trail?run=${run}&limit=500`)).body as { type: string }[]).map(
    ({ type }) => type,
  );
const kept = (run: string) =>
  git(
    factory.root,
    '--git-dir',
    join(factory.root, 'repos', 'shop.git'),
    'rev-parse',
    `refs/millwright/runs/${run}`,
  );
const hook = (name: string, script: string) => {
  const path = join(factory.remote, 'hooks', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
};

it('waits for people at a gate that nobody answered, calls them, and a late approval goes on from there', async () => {
  const implement = () => {
    factory.factory.settings.gateMs = 600; // of the merge gate
    return RAISED;
  };
  await start({ implement }, { remindMs: 1_000 });
  const [ann, bob] = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  const ticket = await file();
  const run = await until(
    ticket,
    'the run to wait for a person',
    ({ state, reason }) => state === 'waiting' && /waits for a person/.test(reason ?? ''),
  );
  // Not from the list of those that wait: a slow machine looks there too late.
  const gate = run.gates.at(-1);
  expect(run).toMatchObject({ endedAt: null });
  await expect.poll(() => kept(run.id)).toBe(run.change.commit);
  await factory.until('a second call', () => factory.paged.length > 1);
  expect(factory.paged[0]).toMatchObject({ kind: 'run-waits', repo: 'shop' });
  const why = (await factory.api('GET', `/runs/${run.id}/why`)).body;
  expect(why.next.acts).toMatchObject([
    { act: 'show-gate', id: gate.id },
    { act: 'approve-gate', id: gate.id },
    { act: 'cancel-run', id: run.id },
  ]);
  // The ticket is open all the while.
  expect((await factory.api('GET', `/tickets/${ticket}`)).body.state).toBe('waiting');

  factory.factory.settings.gateMs = 60_000;
  const late = await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'sorry' }, ann.token);
  expect(late).toMatchObject({ status: 200, body: { approvals: [{ name: 'ann' }] } });
  expect(late.body.id).not.toBe(gate.id);
  expect((await factory.api('GET', `/gates/${gate.id}`)).body).toMatchObject({
    state: 'voided',
    approvals: [],
  });
  await factory.until(
    'bob',
    async () =>
      (await factory.api('POST', `/gates/${late.body.id}/approve`, { reason: 'yes' }, bob.token)).status ===
      200,
  );
  expect(await ended(ticket)).toMatchObject({ id: run.id, state: 'done' });
  expect(worked()).toEqual(['plan', 'implement', 'test', 'review']);
});

it('keeps what people denied, and goes on from it when a person says so, paying for nothing twice', async () => {
  await start({ implement: () => RAISED });
  const [ann, bob] = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  const ticket = await file();
  const gate = await waitingGate();
  await factory.api('POST', `/gates/${gate.id}/deny`, { reason: 'not today' }, ann.token);
  const denied = await ended(ticket);
  expect(denied).toMatchObject({ state: 'denied', reason: expect.stringContaining('not today') });
  expect(kept(denied.id)).toBe(denied.change.commit);
  expect((await factory.api('GET', `/runs/${denied.id}/why`)).body.next.acts).toContainEqual(
    expect.objectContaining({ act: 'retry-run', id: denied.id }),
  );
  const ref = `refs/millwright/runs/${denied.id}`;
  expect(denied.kept).toBe(ref);
  expect((await factory.api('GET', `/runs/${denied.id}/why`)).body.next.hint).toContain(ref);
  const nextOf = async () => (await factory.api('GET', `/tickets/${ticket}`)).body.next;
  await factory.until('the author to be named', async () => (await nextOf()).who === 'author');
  expect((await nextOf()).acts).toEqual([{ act: 'retry-run', id: denied.id }]);
  const retry = (token?: string) =>
    factory.api('POST', `/runs/${denied.id}/retry`, { reason: 'now is better' }, token);
  expect((await retry(ann.token)).status).toBe(403);
  expect(await retry()).toMatchObject({ status: 200, body: { endedAt: null } });
  expect(await retry()).toMatchObject({ status: 409, body: { code: 'not-retried' } });
  await factory.until('the ticket to be worked on', async () =>
    ['running', 'waiting'].includes((await factory.api('GET', `/tickets/${ticket}`)).body.state),
  );
  const next = await waitingGate(gate.id);
  for (const { token } of [ann, bob])
    await factory.until(
      'approval',
      async () =>
        (await factory.api('POST', `/gates/${next.id}/approve`, { reason: 'yes' }, token)).status === 200,
    );
  expect(await ended(ticket)).toMatchObject({ id: denied.id, state: 'done' });
  expect(worked()).toEqual(['plan', 'implement', 'test', 'review']);
  expect(await retry()).toMatchObject({ status: 409, body: { detail: expect.stringContaining('is done') } });
  await factory.until(
    'the ticket to be done',
    async () => (await factory.api('GET', `/tickets/${ticket}`)).body.state === 'done',
  );
});

it('asks a person where somebody rewrote the branch meanwhile, and what was taken off stays off', async () => {
  let rewritten = false;
  await start({
    implement: (spec) =>
      spec.ticket.title === 'Bad' ? { 'bad.txt': 'bad\n' } : { 'a.txt': LINES.replace('seven', '7') },
    test: (spec) => {
      if (spec.ticket.title === 'Good' && !rewritten) {
        rewritten = true;
        remote('update-ref', 'refs/heads/main', 'main~1');
      }
      return 'passed';
    },
  });
  const ann = await factory.enrol('ann', 'approver');
  expect(await ended(await file('Bad'))).toMatchObject({ state: 'done' });
  const good = await file('Good');
  const gate = await waitingGate();
  expect(gate).toMatchObject({ action: 'merge', policies: expect.arrayContaining(['merge-rewritten']) });
  expect(remote('log', '--format=%s', 'main')).toBe('first');
  await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'still meant' }, ann.token);
  expect(await ended(good)).toMatchObject({ state: 'done' });
  expect(remote('log', '--format=%s', 'main')).toBe('Good\nfirst');
  expect(remote('ls-tree', '--name-only', 'main').split('\n')).not.toContain('bad.txt');
});

it('does not call merged what a remote took and put back', async () => {
  await start({});
  hook('post-receive', 'while read old new ref; do git update-ref $ref $old; done');
  const run = await ended(await file());
  expect(run).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('the remote took the push'),
    delivered: null,
  });
  hook('post-receive', 'exit 0');
  await factory.api('POST', `/runs/${run.id}/retry`, { reason: 'the hook is gone' });
  await factory.until(
    'it to be merged',
    async () => (await factory.api('GET', `/runs/${run.id}`)).body.state === 'done',
  );
  expect(remote('log', '--format=%s', 'main')).toBe('Do it\nfirst');
  expect(worked()).toEqual(['plan', 'implement', 'test', 'review']);
});

it('is done when its push came through, whoever cancelled it meanwhile', async () => {
  await start({});
  const [began, go] = [join(factory.root, 'began'), join(factory.root, 'go')];
  hook('pre-receive', `touch ${began}; while test ! -e ${go}; do sleep 0.05; done`);
  const ticket = await file();
  await factory.until('the push', () => existsSync(began));
  const { id } = await runOf(ticket);
  expect((await factory.api('POST', `/runs/${id}/cancel`, { reason: 'too late' })).status).toBe(200);
  writeFileSync(go, '');
  expect(await ended(ticket)).toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
  expect(await types(id)).toEqual(
    expect.arrayContaining(['merge.started', 'run.stop-asked', 'merge.finished']),
  );
  expect(remote('log', '--format=%s', 'main')).toBe('Do it\nfirst');
});

it('why says which budget a run waits for, and that an administrator raises it', async () => {
  const pause = { scope: 'repo/shop', needUsd: 1, leftUsd: 0.5 };
  await start({ implement: () => RAISED, pause: ({ role }) => (role === 'implement' ? pause : null) });
  const { id } = await until(await file(), 'its budget', (run) => run.reason?.includes('repo/shop') === true);
  // Now and then it is tried again, and is at work for a moment.
  await expect
    .poll(async () => {
      const { state, who, because } = (await factory.api('GET', `/runs/${id}/why`)).body;
      return { state, who, first: because[0].text };
    })
    .toMatchObject({
      state: 'waiting',
      who: 'admin',
      first: expect.stringContaining('the budget of repo/shop had $0.50 left'),
    });
});

it('parks a run whose attempt waits for a budget past the time of the run; once the cap is raised it pays for no turn twice', async () => {
  let short = true;
  const pause = { scope: 'repo/shop', needUsd: 1, leftUsd: 0.5 };
  await start(
    { implement: () => RAISED, pause: ({ role }) => (short && role === 'implement' ? pause : null) },
    { runMs: 4_000, remindMs: 60_000 },
  );
  await factory.api('POST', '/budgets', { scope: 'repo/shop', usd: 0.5, reason: 'a small one' });
  const [ann, bob] = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  const ticket = await file();
  const { id } = await until(ticket, 'the run', () => true);
  await factory.until('the run to be parked', async () => (await types(id)).includes('run.parked'));
  const parked = await until(ticket, 'the run', () => true);
  expect(parked).toMatchObject({ state: 'waiting', endedAt: null });
  expect(parked.reason).toContain('repo/shop');
  expect(await types(parked.id)).not.toContain('run.closed');
  await factory.until('a call', () => factory.paged.length > 0);
  expect((await factory.api('GET', `/runs/${parked.id}/why`)).body.next.acts).toContainEqual({
    act: 'set-budget',
  });

  expect((await factory.api('GET', `/tickets/${ticket}`)).body.next.who).toBe('admin');

  factory.factory.settings.runMs = 60_000;
  short = false;
  await factory.api('POST', '/budgets', { scope: 'repo/shop', usd: 20, reason: 'a larger one' });
  const gate = await waitingGate();
  for (const { token } of [ann, bob])
    await factory.until(
      'approval',
      async () =>
        (await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, token)).status === 200,
    );
  expect(await ended(ticket)).toMatchObject({ id: parked.id, state: 'done' });
  const all = await types(parked.id);
  // The one attempt was claimed twice, and its turn is recorded, and paid for, once.
  expect(worked()).toEqual(['plan', 'implement', 'implement', 'test', 'review']);
  expect(all.filter((type) => type === 'stage.opened')).toHaveLength(5);
  expect(all.filter((type) => type === 'turn.recorded')).toHaveLength(5);
  expect((await factory.api('GET', `/runs/${parked.id}/cost`)).body.usage.usd).toBeCloseTo(0.05);
});

it('refuses to add a repository that is larger than what a stage gets, with its size and what to do, and takes one that fits', async () => {
  factory = await scriptedFactory(db, FILES, {}, { bundleBytes: 200 });
  const add = () => factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  expect(await add()).toMatchObject({
    status: 422,
    body: {
      code: 'repo-too-large',
      detail: expect.stringMatching(/has 3 files.*about 1 MiB/),
      hint: expect.stringContaining('a bucket'),
    },
  });
  expect((await factory.api('GET', '/repos')).body).toEqual([]);
  factory.factory.settings.bundleBytes = 100_000;
  expect((await add()).status).toBe(201);
});
