import { type RepoName, retryable, type TargetEntry } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectRowsEqualFold } from '../testing/rows-equal-fold.ts';
import { git } from '../testing/scripted-factory.ts';
import { type Shop, shop } from '../testing/shop.ts';
import { resumeRedeploys } from './redeploy.ts';
import { retirePrevious } from './retire-previous.ts';

let db: TestDatabase;
let at: Shop;
const open = async (step = 6) => {
  at = await shop(db, step);
};
const x = (n: number) => ({ 'src/x.js': `export const x = ${n};\n` });

beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await expectRowsEqualFold(at.factory);
  await at.stop();
  await db.close();
});

test('a release goes forth and back before its deploy gate is asked, and the gate and the release say so', async () => {
  await open();
  expect((await at.ship(x(2))).state).toBe('done');
  const run = await at.ship(x(3));
  expect(run.state).toBe('done');
  const types = (await at.trail()).filter((line) => line.stream === `run/${run.id}`);
  const order = types.map((line) =>
    line.type === 'gate.asked' ? `${line.type} ${line.data.action}` : line.type,
  );
  expect(order.indexOf('release.rehearsed')).toBeGreaterThan(order.indexOf('release.built'));
  expect(order.indexOf('release.rehearsed')).toBeLessThan(order.indexOf('gate.asked deploy'));
  const gate = run.gates.find((one) => one.action === 'deploy');
  expect(gate?.reason).toMatch(/Undo: yes, \d+\.\d s, rehearsed just now\./);
  expect((await at.api('GET', `/gates/${gate?.id}`)).body.facts.undo).toMatchObject({
    possible: true,
    rehearsed: true,
    ms: expect.any(Number),
  });
  const release = (await at.api('GET', `/releases/${run.release}`)).body;
  expect(release.undo).toMatchObject({ possible: true });
  expect((await at.api('GET', '/releases?repo=shop')).body.map((one: { id: string }) => one.id)[0]).toBe(
    run.release,
  );
  // What it holds: one ticket, one commit, and how it was built.
  expect(release.tickets).toHaveLength(1);
  expect(release.commits).toEqual([{ commit: release.commit, title: at.main()[0] }]);
  expect(release.provenance).toMatch(/^sha256:/);
  // What was prepared is what was deployed: it was started once.
  expect(at.target.calls.filter((call) => call === `start ${run.release}`)).toHaveLength(1);
});

test('a release that does not run is rolled back before anybody is asked to let it out', async () => {
  await open();
  await at.ship(x(2));
  const before = at.live();
  at.target.faults.ask = () => false;
  const ticket = await at.file(x(3));
  const run = await at.ended(ticket);
  expect(run.state).toBe('rolled_back');
  expect(run.gates.filter((gate) => gate.action === 'deploy')).toEqual([]);
  expect(at.live()).toBe(before);
  expect([...(await at.target.state()).serving]).toEqual([[before, 100]]);
  expect((await at.target.state()).releases.map((one) => one.id)).toEqual([before]);
  expect(at.main()[0]).toMatch(/^Revert/);
  // The ticket follows its run's end.
  const view = await at.until('the ticket to reopen', async () => {
    const { body } = await at.api('GET', `/tickets/${ticket}`);
    return body.state === 'reopened' && body;
  });
  expect(view.evidence.at(-1)).toMatch(/cannot be reached/);
});

test('what cannot be taken back is not started before two people allowed it, at the highest step too', async () => {
  await open(7);
  await at.ship(x(2));
  const people = [await at.enrol('Ann', 'approver'), await at.enrol('Bob', 'approver')];
  const ticket = await at.file({ 'db/2.sql': 'ALTER TABLE products DROP COLUMN weight;\n' });
  const waiting = (action: string) =>
    at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((gate: { action: string }) => gate.action === action),
    );
  const allow = async (action: string) => {
    const gate = await waiting(action);
    expect(gate.approvalsNeeded).toBe(2);
    for (const [index, { token }] of people.entries()) {
      await at.until('the gate to take it', async () => {
        const answer = await at.api('POST', `/gates/${gate.id}/approve`, { reason: `${index}` }, token);
        return answer.status === 200;
      });
    }
    return gate;
  };
  await allow('merge');
  const gate = await waiting('deploy');
  expect(gate.reason).toContain('Undo: no: drops column `weight`');
  expect(at.target.calls.filter((call) => call.startsWith('start '))).toHaveLength(1);
  await allow('deploy');
  expect((await at.ended(ticket)).state).toBe('done');
  expect(at.target.calls.filter((call) => call.startsWith('start '))).toHaveLength(2);
});

test('what was rehearsed and is not let out does not go on running', async () => {
  await open(3);
  const ann = await at.enrol('Ann', 'approver');
  const ticket = await at.file(x(2));
  for (const action of ['start', 'merge', 'deploy']) {
    const gate = await at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((one: { action: string }) => one.action === action),
    );
    const verb = action === 'deploy' ? 'deny' : 'approve';
    if (action === 'deploy') expect((await at.target.state()).releases).toHaveLength(1);
    expect((await at.api('POST', `/gates/${gate.id}/${verb}`, { reason: 'so' }, ann.token)).status).toBe(200);
  }
  expect((await at.ended(ticket)).state).toBe('denied');
  expect((await at.target.state()).releases).toEqual([]);
});

const SHOP = 'shop' as RepoName;
const rollback = (body: object = {}) => at.api('POST', '/rollbacks', body);
const status = async () => (await at.api('GET', '/rollbacks')).body[0];
const again = (token?: string) => at.api('POST', '/rollbacks/undo', {}, token);
const undone = (state: string) =>
  at.until(`undo ${state}`, async () => (await status()).undo?.state === state);
const lines = async (type: string) => (await at.trail()).filter((line) => line.type === type);

test('back says first what it changes, forward again is judged, and the branch follows; after two flips a person is asked', async () => {
  await open(7);
  const ann = await at.enrol('Ann', 'approver');
  const [one, two] = [await at.ship({ 'db/1.sql': 'CREATE TABLE a (b integer);\n' }), await at.ship(x(3))];
  expect((await again()).body).toMatchObject({ code: 'nothing-to-undo' });

  const planned = (await rollback({ dryRun: true })).body;
  expect(planned).toMatchObject({ from: two.release, to: one.release, done: false });
  expect(planned.plan.code).toEqual([expect.stringMatching(/^out: [0-9a-f]+ /), '1 file differs']);
  expect(planned.plan).toMatchObject({ schema: [], configuration: [] });
  expect(planned.plan.traffic[0]).toMatch(/runs still/);
  expect(at.live()).toBe(two.release);

  const back = (await rollback()).body;
  expect(back).toMatchObject({ done: true, to: one.release, revert: expect.any(String) });
  expect(at.live()).toBe(one.release);
  expect(await status()).toMatchObject({
    live: { release: one.release, health: 'serves', tickets: [{ title: 'Change db/1.sql' }] },
    candidates: [],
  });

  expect((await again()).body).toMatchObject({ state: 'started', release: two.release });
  await undone('promoted');
  expect(at.live()).toBe(two.release);
  expect(at.main().slice(0, 2)).toEqual([
    expect.stringMatching(/^Reapply/),
    expect.stringMatching(/^Revert/),
  ]);

  // The second rollback takes back what was put back, and not the first merge again.
  expect((await rollback()).body.revert).not.toBe(back.revert);
  const waits = (await again()).body;
  expect(waits).toMatchObject({
    state: 'waits',
    needs: 1,
    reason: expect.stringContaining('back and forth'),
  });
  expect(at.live()).toBe(one.release);
  expect((await again(ann.token)).body.state).toBe('started');
  await undone('promoted');
  expect(at.live()).toBe(two.release);
});

test('what is rolled back when it goes out again goes out no more; a frozen target lets nothing out, and lets everything back', async () => {
  await open();
  const one = await at.ship(x(2));
  await at.ship(x(3));
  await rollback();
  const hold = (verb: string) => at.api('POST', `/targets/shop/${verb}`, { reason: 'so' });
  expect((await hold('freeze')).status).toBe(200);
  expect((await again()).body).toMatchObject({ state: 'denied', reason: expect.stringContaining('frozen') });
  // A ticket merges, and its deploy waits for the thaw.
  const ticket = await at.file(x(4));
  const waits = await at.until('a run that the freeze holds', async () => {
    const [id] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
    const run = id && (await at.api('GET', `/runs/${id}`)).body;
    return run?.state === 'halted' && run.delivered !== null ? run : null;
  });
  expect(waits.stop).toMatchObject({ by: 'admin', next: { act: 'thaw-target', repo: 'shop' } });
  expect(at.live()).toBe(one.release);
  expect((await hold('thaw')).status).toBe(200);
  const run = await at.ended(ticket);
  expect(run.state).toBe('done');
  expect(at.live()).toBe(run.release);
  expect((await hold('thaw')).body.code).toBe('not-frozen');

  await rollback();
  const bad = run.release;
  at.target.faults.figures = (id) => ({ requests: 100, errors: id === bad ? 100 : 0 });
  at.target.faults.ask = (id) => id !== bad;
  expect((await again()).body.state).toBe('started');
  await undone('rolled_back');
  expect(at.live()).toBe(one.release);
  expect((await again()).body).toMatchObject({
    state: 'denied',
    reason: expect.stringContaining('holds what was rolled back'),
  });
  expect((await rollback({ release: 'rel_0000000000000000' })).body.detail).toMatch(/there is no release/);
});

test('a rollback that fails freezes the target, calls a person once, and says what to do; an image that is gone is refused before', async () => {
  await open();
  const [one, two] = [await at.ship(x(2)), await at.ship(x(3))];
  at.target.faults.gone = (id) => id === one.release;
  expect(await rollback()).toMatchObject({
    status: 409,
    body: { code: 'release-gone', detail: expect.stringContaining('was removed') },
  });
  at.target.faults.gone = () => false;
  at.target.calls.length = 0;
  at.target.faults.shift = () => 'the proxy is gone';
  const failed = await rollback();
  expect(failed).toMatchObject({
    status: 502,
    body: {
      code: 'rollback-failed',
      hint: expect.stringContaining(`roll back to ${one.release}`),
      acts: [
        { act: 'show-targets' },
        { act: 'roll-back', repo: 'shop' },
        { act: 'thaw-target', repo: 'shop' },
      ],
    },
  });
  const paged = await at.until('the call', async () => (await lines('target.paged'))[0]);
  expect(paged.data).toMatchObject({ result: 'sent' });
  expect(at.paged).toMatchObject([{ repo: 'shop', release: one.release, why: 'the proxy is gone' }]);
  expect((await status()).frozen).toMatchObject({
    by: 'factory',
    reason: 'the proxy is gone',
    what: expect.stringContaining('thaw shop'),
    paged: 'sent',
  });
  expect(at.live()).toBe(two.release);
  expect((await at.api('GET', `/runs/${one.id}/why`)).body.next.acts).toContainEqual(
    expect.objectContaining({ act: 'thaw-target', repo: 'shop' }),
  );
  at.target.faults.shift = () => null;
  expect((await rollback()).body).toMatchObject({ done: true, to: one.release });
});

test('an undo under way when the factory is killed goes on at the next start', async () => {
  await open();
  await at.ship(x(2));
  const two = await at.ship(x(3));
  await rollback();
  // As a killed factory leaves it: started, and nothing after.
  const fence = at.factory.views.open.target(SHOP).fence + 1;
  const live = at.live();
  if (live === null) throw new Error('nothing is live');
  await at.factory.deployments.append(SHOP, {
    type: 'undo.started',
    data: { release: two.release, live, fence },
  });
  resumeRedeploys(at.factory);
  await undone('promoted');
  expect(at.live()).toBe(two.release);
  expect((await lines('target.released')).at(-1)?.data).toMatchObject({ release: two.release, fence });
});

test('a deploy that was decided on, and not begun when its factory was killed, does not follow a rollback that came in between', async () => {
  await open();
  const one = await at.ship(x(2));
  const two = await at.ship(x(3));
  // As a killed factory leaves it, and a rollback without it after that.
  const { deployments } = at.factory;
  const begin = deployments.deploy.bind(deployments);
  deployments.deploy = async (repo, _release, fence) => {
    deployments.deploy = begin;
    await deployments.rollback(repo, one.release as never, fence, 'by hand');
    throw retryable('killed', 'its factory was killed');
  };
  const run = await at.ended(await at.file(x(4)));
  expect([run.state, at.live()]).toEqual(['rolled_back', one.release]);
  expect([...(await at.target.state()).serving]).toEqual([[one.release, 100]]);
  expect((await lines('canary.started')).map((line) => line.data.release)).toEqual([
    one.release,
    two.release,
  ]);
});

test('what a release leaves over is stopped once, also where its factory was killed before it was; not while the target is frozen', {
  tags: ['long'],
}, async () => {
  await open();
  const fences = () => at.factory.views.open.target(SHOP).fence;
  const [one, first] = [await at.ship(x(2)), fences()];
  const [two, fence] = [await at.ship(x(3)), fences()];
  const retired = async () =>
    (await lines('target.effect-finished'))
      .map((line) => line.data)
      .filter((data) => data.effect === 'retire')
      .map(({ key, result }) => `${key} ${result}`);
  const of = (release: string, fence: number) => `${fence}/${release}/retire done`;
  await at.until('the second', async () => (await retired()).length === 2);
  // As a killed factory leaves it: it serves, and nothing after. Frozen before anybody could look.
  const say = (entry: TargetEntry) => at.factory.deployments.append(SHOP, entry);
  const reason = 'looking at it';
  const frozen = { by: 'person', release: two.release, reason, what: '' } as const;
  await say({ type: 'target.frozen', data: frozen });
  const served = {
    release: two.release,
    previous: one.release,
    by: 'deploy',
    artifact: null,
    reason,
  } as const;
  await say({ type: 'target.released', data: { ...served, fence: fence + 1 } });
  await retirePrevious(at.factory, SHOP);
  const before = [of(one.release, first), of(two.release, fence)];
  expect(await retired()).toEqual(before);
  await say({ type: 'target.thawed', data: { reason } });
  await at.until('the sweep', async () => (await retired()).length === 3);
  await retirePrevious(at.factory, SHOP);
  expect(await retired()).toEqual([...before, of(two.release, fence + 1)]);
});

test('a change whose title says that it reverts another does not keep that one on the branch', {
  tags: ['long'],
}, async () => {
  await open(7);
  const [one, two] = [await at.ship(x(2)), await at.ship({ 'src/bad.js': 'export const bad = true;\n' })];
  const commit = (await at.api('GET', `/runs/${two.id}`)).body.delivered.commit;
  const files = { 'src/other.js': 'export const other = 1;\n' };
  const liar = await at.ended(await at.file(files, 'feature', `Millwright-Reverts: ${commit}`));
  expect(liar.state).toBe('done');
  const back = (await rollback({ release: one.release })).body;
  expect(back).toMatchObject({ done: true, to: one.release });
  git(at.root, 'clone', '-q', at.remote, 'after');
  expect(git(`${at.root}/after`, 'ls-files')).not.toContain('src/bad.js');
  const reverted = (await at.trail()).find(
    ({ type, data }) => type === 'target.revert-finished' && data.release === two.release,
  );
  expect(git(`${at.root}/after`, 'show', '--format=%s', '--stat', String(reverted?.data.commit))).toContain(
    'src/bad.js',
  );
});
