import type { ReleaseId, RepoName, TicketKind } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { raise } from '../incidents/raise.ts';
import { expectRowsEqualFold } from '../testing/rows-equal-fold.ts';
import { type Shop, shop } from '../testing/shop.ts';
import { demoteAfterRollback } from './demote.ts';

const SHOP = 'shop' as RepoName;
let db: TestDatabase;
let at: Shop;
beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 7, { raiseAfter: 1, healMs: 100 });
});
afterEach(async () => {
  await expectRowsEqualFold(at.factory);
  await at.stop();
  await db.close();
});

let made = 0;
const x = () => {
  made += 1;
  return { [`src/x${made}.js`]: `export const x = ${made};\n` };
};
const repo = async () => (await at.api('GET', '/repos')).body[0];
const lines = async (type: string) => (await at.trail()).filter((line) => line.type === type);
const set = (body: object, token?: string) =>
  at.api('POST', '/repos/shop/autonomy', { reason: 'so', ...body }, token);

/** Ships one whose canary goes wrong, all others being well. */
async function shipBad(kind: TicketKind) {
  const good = new Set((await at.factory.readModel.rows('all')).fold.releases.keys());
  let asked = 0;
  at.target.faults.figures = (id) => {
    asked += 1_000;
    return { requests: asked, errors: good.has(id) ? 0 : asked / 2 };
  };
  const run = await at.ship(x(), kind);
  at.target.faults.figures = () => ({ requests: 0, errors: 0 });
  expect(run.state).toBe('rolled_back');
  return run;
}

test('an automatic rollback costs its kind of change a step, before the run says so; releases that serve earn it back, by another’s word', async () => {
  const ann = await at.enrol('Ann', 'approver');
  const eve = await at.enrol('Eve', 'admin');
  await at.ship(x());
  const bad = await shipBad('bug');
  const [dropped, ...more] = await lines('autonomy.dropped');
  expect(more).toEqual([]);
  expect(dropped).toMatchObject({
    stream: 'repo/shop',
    data: { kind: 'bug', from: 7, to: 6, cause: 'rolled_back', release: bad.release },
  });
  const finished = (await lines('deploy.finished')).find(({ data }) => data.release === bad.release);
  expect(dropped?.position).toBeLessThan(finished?.position ?? 0);
  // Drawn again, as by a factory that was killed before the outcome was recorded, it costs nothing more.
  await demoteAfterRollback(at.factory, SHOP, [bad.release]);
  expect(await lines('autonomy.dropped')).toHaveLength(1);

  const worse = await shipBad('bug');
  expect(await repo()).toMatchObject({
    step: 7,
    demoted: [{ kind: 'bug', step: 5, release: worse.release, served: 0, needed: 1, earned: null }],
  });
  expect(await set({ step: 6, kind: 'bug' }, eve.token)).toMatchObject({
    status: 409,
    body: { code: 'not-earned', detail: expect.stringContaining('0 of 1 releases') },
  });

  // The next one waits for people, and says why.
  const next = await at.file(x(), 'bug');
  const gate = await at.until('its gate', async () => (await at.api('GET', '/gates')).body[0]);
  expect(gate).toMatchObject({
    action: 'merge',
    reason: expect.stringContaining(
      `at step 5 (bug changes fell to it when ${worse.release} was rolled back)`,
    ),
  });
  const { end: run, gates } = await at.allowing(ann.token, at.ended(next));
  expect([run.state, gates]).toEqual(['done', ['merge', 'deploy']]);

  const [proposed] = await at.until('the proposal', async () => {
    const all = await lines('autonomy.raise-proposed');
    return all.length > 0 && all;
  });
  expect(proposed?.data).toMatchObject({ kind: 'bug', from: 5, to: 6, runs: [run.id] });
  expect(await set({ step: 6, kind: 'bug' }, ann.token)).toMatchObject({ status: 403 });
  expect(await set({ step: 6, kind: 'bug' })).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('another administrator') },
  });
  expect(await set({ step: 7, kind: 'bug' }, eve.token)).toMatchObject({
    status: 409,
    body: { code: 'one-step' },
  });
  // Raising the repository brings no kind back.
  await set({ step: 5 });
  expect((await set({ step: 7 })).body.demoted).toMatchObject([{ kind: 'bug', step: 5 }]);
  expect((await set({ step: 6, kind: 'bug' }, eve.token)).body.demoted).toMatchObject([
    { kind: 'bug', step: 6, release: null, served: 0, earned: null },
  ]);
  expect((await at.ship(x(), 'bug')).state).toBe('done');
  await at.until('the second proposal', async () => (await lines('autonomy.raise-proposed')).length === 2);
  expect((await set({ step: 7, kind: 'bug' }, eve.token)).body.demoted).toEqual([]);
  // What a person lowers comes back by hand.
  expect((await set({ step: 3, kind: 'docs' })).body.demoted).toMatchObject([
    { kind: 'docs', step: 3, upTo: 7 },
  ]);
  expect((await set({ step: 6, kind: 'docs' }, ann.token)).status).toBe(403);
  expect((await set({ step: 7, kind: 'docs' })).body.demoted).toEqual([]);
});

test('what fell stays lost where it fell, whatever the ticket calls itself; elsewhere another kind goes on', async () => {
  const ann = await at.enrol('Ann', 'approver');
  await at.ship({ 'src/pay.js': 'export const pay = 1;\n', 'README.md': '# Shop\n' });
  const good = new Set((await at.factory.readModel.rows('all')).fold.releases.keys());
  let asked = 0;
  at.target.faults.figures = (id) => {
    asked += 1_000;
    return { requests: asked, errors: good.has(id) ? 0 : asked / 2 };
  };
  const bad = await at.ship({ 'src/pay.js': 'export const pay = 2;\n', 'README.md': '# Store\n' }, 'feature');
  expect(bad.state).toBe('rolled_back');
  at.target.faults.figures = () => ({ requests: 0, errors: 0 });
  // Step 7 allows what raises; step 6 does not, and so does not 5.
  await set({ step: 6 });
  await set({ step: 5, kind: 'feature' });

  const disguised = await at.file({ 'src/pay.js': 'export const pay = 3;\n' }, 'docs');
  const gate = await at.until('its gate', async () => (await at.api('GET', '/gates')).body[0]);
  expect(gate).toMatchObject({
    action: 'merge',
    reason: expect.stringMatching(/step 5 \(.*feature changes.*and this one touches src\/pay\.js too\)/),
  });
  const { end, gates } = await at.allowing(ann.token, at.ended(disguised));
  expect([end.state, gates]).toEqual(['done', ['merge', 'deploy']]);
  // Beside another file, and in another order, as little.
  const beside = await at.file({ ...x(), 'src/pay.js': 'export const pay = 4;\n' }, 'bug');
  const more = await at.allowing(ann.token, at.ended(beside));
  expect(more.gates).toEqual(['merge', 'deploy']);

  expect((await at.ship(x(), 'docs')).state).toBe('done');
  // A document that the bad change touched too is in half of all changes.
  expect((await at.ship({ 'README.md': '# Our shop\n' }, 'docs')).state).toBe('done');
});

test('what fell does not ship in the shadow of another kind of change', async () => {
  const ann = await at.enrol('Ann', 'approver');
  await at.ship(x());
  await shipBad('bug');
  await set({ step: 5, kind: 'bug' });
  const waits = await at.file(x(), 'bug');
  const gateOf = (action: string) =>
    at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((gate: { action: string }) => gate.action === action),
    );
  const merge = await gateOf('merge');
  await at.until('the gate to take it', async () => {
    const answer = await at.api('POST', `/gates/${merge.id}/approve`, { reason: 'yes' }, ann.token);
    return answer.status === 200;
  });
  const own = await gateOf('deploy');
  // Merged, and let out by nobody yet: the next release would hold it.
  const other = await at.file(x(), 'docs');
  const shadow = await at.until('the other deploy gate', async () =>
    (await at.api('GET', '/gates')).body.find(
      (gate: { action: string; id: string }) => gate.action === 'deploy' && gate.id !== own.id,
    ),
  );
  expect(shadow.reason).toContain('at step 5 (set for bug changes)');
  const both = Promise.all([at.ended(waits), at.ended(other)]);
  const { end } = await at.allowing(ann.token, both);
  expect(end.map(({ state }) => state)).toEqual(['done', 'done']);
  // It serves: the docs that come next are judged by themselves.
  expect((await at.ship({ 'README.md': '# Shop\n' }, 'docs')).state).toBe('done');
});

test('an incident that rolls a release back costs its kind a step; a critical one, and a target that cannot go back, leave step 5', async () => {
  await at.ship(x());
  const second = await at.ship(x(), 'performance');
  const incident = (fingerprint: string, critical: boolean) =>
    raise(at.factory, {
      ...{ repo: SHOP, fingerprint, critical },
      ...{ title: 'errors', text: 'one in five', startedAt: Date.now() },
    });
  await incident('a', false);
  await at.until('its answer', async () => (await lines('ticket.incident-answered')).length === 1);
  expect(await repo()).toMatchObject({
    step: 7,
    demoted: [{ kind: 'performance', step: 6, release: second.release }],
  });
  await incident('b', true);
  await incident('b', true);
  expect(await repo()).toMatchObject({ step: 5 });
  const critical = (await lines('autonomy.dropped')).filter(({ data }) => data.kind === null);
  expect(critical).toMatchObject([{ data: { from: 7, to: 5, cause: 'critical_incident' } }]);

  await set({ step: 7 });
  await at.factory.deployments.note(SHOP, {
    type: 'target.frozen',
    data: { by: 'factory', release: second.release as ReleaseId, reason: 'the proxy is gone', what: '' },
  });
  await at.until('the drop', async () => (await repo()).step === 5);
  expect(await set({ step: 6 })).toMatchObject({ status: 409, body: { code: 'frozen' } });
  await at.api('POST', '/targets/shop/thaw', { reason: 'mended' });
  expect(await set({ step: 6 })).toMatchObject({ status: 200 });
});

test('what a person takes back costs nothing, and earns nothing', async () => {
  await at.ship(x());
  await shipBad('bug');
  const good = await at.ship(x(), 'bug');
  expect((await at.api('POST', '/rollbacks', { reason: 'not wanted' })).body).toMatchObject({ done: true });
  expect(await repo()).toMatchObject({ step: 7, demoted: [{ kind: 'bug', step: 6, served: 0 }] });
  expect(await lines('autonomy.dropped')).toHaveLength(1);
  expect(good.state).toBe('done');
});
