import type { RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { openStore } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../testing/cli.ts';
import { BAKE_MS, quickCanaries } from '../testing/paced-clock.ts';
import { type Shop, shop } from '../testing/shop.ts';

// What people on call are told by the real command line of the composed orchestrator: two who say stop, wrong names, and what helps next.

const SHOP = 'shop' as RepoName;
let db: TestDatabase;
let at: Shop;
let cli: Cli;
/** Ann and Bob approve; Eve does too, and files. */
let ann: string;
let bob: string;
let eve: string;
let files = 0;
const canaries = quickCanaries();

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 6, {}, { steps: [10, 50, 100], bake: `${BAKE_MS}ms` }, [], canaries);
  cli = await cliOn(at.app);
  ann = (await at.enrol('Ann', 'approver')).token;
  bob = (await at.enrol('Bob', 'approver')).token;
  eve = (await at.enrol('Eve', 'approver', 'author')).token;
  await at.ship({ 'src/first.js': 'export const first = 1;\n' });
});
afterAll(async () => {
  await at?.stop();
  await db?.close();
});

const because = (reason: string) => ['--reason', reason];
const change = () => {
  files += 1;
  return { [`src/f${files}.js`]: `export const f${files} = ${files};\n` };
};
const say = (url: string, reason: string, token?: string) => at.api('POST', url, { reason }, token);
const status = async () => (await at.api('GET', '/rollbacks?repo=shop')).body[0];

/** A change whose canary stays at this share of traffic until `canaries.quicken()`. */
async function canaryAt(percent: number): Promise<{ ticket: string; run: string; release: string }> {
  canaries.held = percent;
  const ticket = await at.file(change());
  const canary = await at.until(`a canary at ${percent} %`, async () => {
    const now = (await at.factory.forward.target(SHOP)).canary;
    return now?.percent === percent ? now : null;
  });
  canaries.held = null;
  const [run] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
  return { ticket, run, release: canary.release };
}

test('a second freeze stands beside the first, which keeps its story; a thaw says which it lifts', async () => {
  const first = await cli(['release', 'freeze', 'shop', ...because('the provider is down')], { token: ann });
  expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/by Ann .*: the provider is down/) });
  const second = await cli(['release', 'freeze', 'shop', ...because('checkout is slow')], { token: bob });
  expect(second.code).toBe(0);
  expect(second.out).toMatch(/by Ann .*: the provider is down\n +by Bob .*: checkout is slow/);
  expect(second.out).toContain('./millwright release thaw shop --reason "…", which lifts all 2');
  // Said again, it is said already.
  await cli(['release', 'freeze', 'shop', ...because('the provider is down')], { token: ann });
  const frozen = (await at.trail()).filter(({ type }) => type === 'target.frozen');
  expect(frozen.map(({ data }) => data.reason)).toEqual(['the provider is down', 'checkout is slow']);

  const shown = (await cli(['rollback', 'status'])).out;
  expect(shown).toMatch(/frozen +by Ann .*: the provider is down\n +by Bob .*: checkout is slow/);
  expect(shown.match(/the provider is down/g)).toHaveLength(1);
  expect(shown).toMatch(/next +\.\/millwright release thaw shop/);
  expect(shown).not.toContain('per_');
  expect((await status()).frozen).toMatchObject({ who: 'Ann', also: [{ who: 'Bob' }] });
  const thawed = await cli(['release', 'thaw', 'shop', ...because('looked')], { token: bob });
  expect(thawed.out).toMatch(/not frozen any more.*\n +by Ann .*down\n +by Bob .*slow/);
  const again = await cli(['release', 'thaw', 'shop', ...because('looked')], { token: bob });
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('the target is not frozen')]);
});

test('a repository or a model that is none is refused, with the nearest that is one', {
  tags: ['long'],
}, async () => {
  const runner = openStore({ url: db.url.runner });
  await runner.notes.say('model/recorded/plan', '{"ok":true,"roles":["plan"],"detail":"there"}');
  await runner.close();
  for (const [args, near] of [
    [['halt', '--model', 'recorded/plam'], 'did you mean recorded/plan?'],
    [['halt', '--repo', 'SHPO'], 'did you mean shop?'],
    [['release', 'freeze', 'shpo'], 'did you mean shop?'],
    [['release', 'abort', 'Shop'], 'did you mean shop?'],
  ] as const) {
    const ran = await cli([...args, ...because('x')]);
    expect([ran.code, ran.out]).toEqual([1, '']);
    expect(ran.err).toContain(near);
  }
  expect((await at.api('GET', '/halts')).body.halts).toEqual([]);
  const halted = await cli(['halt', '--model', 'recorded/plan', ...because('it is odd')]);
  expect(halted).toMatchObject({ code: 0, out: expect.stringContaining('model recorded/plan is halted') });
  const second = await cli(['halt', '--model', 'recorded/plan', ...because('me too')], { token: bob });
  expect(second.out).toMatch(/it is odd[\s\S]*me too/);
  const again = await cli(['halt', '--model', 'recorded/plan', ...because('me too')], { token: bob });
  expect(again.out).toContain('You said so already, and that stands.');
  const lines = (await at.api('GET', '/trail?limit=1000')).body as {
    type: string;
    data: { reason: string };
  }[];
  const said = lines.filter(({ type }) => type === 'factory.halted').map(({ data }) => data.reason);
  expect(said.sort()).toEqual(['it is odd', 'me too']);
  await at.api('POST', '/halt', { scope: { kind: 'action', action: 'merge' }, reason: 'wait' });
  const wrong = await cli(['resume', '--model', 'recorded/review', ...because('x')]);
  expect(wrong.err).toContain(
    'model recorded/review has no halt of its own; halted are: model recorded/plan',
  );
  const which = await cli(['resume', ...because('x')]);
  expect(which.err).toContain('say which to lift: model recorded/plan, every merge');
  const lifted = await cli(['resume', '--model', 'recorded/plan', ...because('seen')]);
  expect(lifted.out).toContain('Resumed model recorded/plan: what waited for that alone');
  expect(lifted.out).toContain('every merge is halted');
  expect((await cli(['resume', ...because('seen')])).out).toContain('Resumed every merge');
});

test('who has a hand in a change is refused by one code, at its gate and in its canary', async () => {
  await at.api('POST', '/repos/shop/autonomy', { step: 5, reason: 'people allow each' });
  canaries.held = 10;
  const ticket = await at.file(change(), 'feature', 'Eve wants it', eve);
  const waiting = (action: string) =>
    at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((one: { action: string }) => one.action === action),
    );
  const merge = await waiting('merge');
  const own = await cli(['gate', 'approve', merge.id, ...because('mine')], { token: eve });
  expect([own.code, own.err]).toEqual([4, expect.stringContaining('is the requester')]);
  expect((await cli(['gate', 'approve', merge.id, ...because('read')], { token: ann })).code).toBe(0);
  const deploy = await waiting('deploy');
  expect((await cli(['gate', 'approve', deploy.id, ...because('read')], { token: ann })).code).toBe(0);
  await at.until('its canary', async () => (await status()).canary?.percent === 10);
  const early = await cli(['release', 'promote', 'shop', ...because('mine')], { token: eve });
  expect([early.code, early.err]).toEqual([4, expect.stringContaining('is the requester')]);
  canaries.held = null;
  expect((await cli(['release', 'promote', 'shop', ...because('seen')], { token: bob })).code).toBe(0);
  canaries.quicken();
  expect((await at.ended(ticket)).state).toBe('done');
});

test('a yes to what somebody denied is told so, by the code of a deny', async () => {
  const ticket = await at.file(change());
  const gate = await at.until('the merge gate', async () => (await at.api('GET', '/gates')).body[0]);
  expect((await cli(['gate', 'deny', gate.id, ...because('not today')], { token: ann })).code).toBe(0);
  const late = await cli(['gate', 'approve', gate.id, ...because('fine')], { token: bob });
  expect([late.code, late.err]).toEqual([5, expect.stringContaining('denied by Ann: not today')]);
  const [run] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
  await at.api('POST', `/runs/${run}/cancel`, { reason: 'enough' });
  await at.ended(ticket);
  await at.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'again' });
});

test('an aborted canary says who took it back, and each thing that was seen on a line', {
  tags: ['long'],
}, async () => {
  const { ticket, run, release } = await canaryAt(10);
  const aborted = await cli(['release', 'abort', 'shop', ...because('errors in checkout')], { token: ann });
  expect(aborted).toMatchObject({ code: 0, out: expect.stringContaining(`${release} was taken back`) });
  expect((await at.ended(ticket)).state).toBe('rolled_back');
  const shown = (await cli(['run', 'show', run])).out;
  expect(shown).toMatch(/^ {2}Ann aborted it: errors in checkout\n {4}healthy: /m);
  for (const args of [
    ['run', 'show', run],
    ['run', 'why', run],
    ['run', 'watch', run],
    ['trail', 'show', '--run', run],
  ])
    expect((await cli(args)).out).not.toContain('per_');
  for (const path of ['/runs', `/tickets/${ticket}`, `/releases/${release}`])
    expect(JSON.stringify((await at.api('GET', path)).body)).not.toMatch(/per_\S+ aborted/);
  // The trail keeps the id.
  const closed = (await at.trail()).findLast(({ type }) => type === 'run.closed');
  expect(closed?.data.reason).toMatch(/^per_\S+ aborted it/);
});

test('a pause of nothing, of too little and over another is said or refused', {
  tags: ['long'],
}, async () => {
  const { ticket, release } = await canaryAt(10);
  const pause = (duration: string, token: string) =>
    cli(['release', 'pause', 'shop', '--for', duration, ...because('I look')], { token });
  expect(await pause('0s', ann)).toMatchObject({ code: 1, err: expect.stringContaining('is not paused') });
  for (const duration of ['5ms', '25h'])
    expect(await pause(duration, ann)).toMatchObject({ code: 2, err: expect.stringContaining('1s to 24h') });
  expect(await pause('2h', ann)).toMatchObject({ code: 0, out: expect.stringContaining('stays at 10 %') });
  const second = await pause('10m', bob);
  expect(second.out).toMatch(/instead of the pause by Ann until .*: I look/);
  const lifted = await pause('0s', bob);
  expect(lifted.out).toContain(`${release} is not paused any more`);
  const said = (await cli(['trail', 'show', '--type', 'canary.asked', '--last', '1'])).out;
  expect(said).toContain(`let the canary ${release} go on: I look`);
  canaries.quicken();
  expect((await at.ended(ticket)).state).toBe('done');
});

test('a plan of going back says each thing once, with a canary under way and without', {
  tags: ['long'],
}, async () => {
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const dry = async () => lines((await cli(['rollback', '--dry-run'])).out);
  const live = await dry();
  expect(live.filter((line) => line !== 'nothing changes')).toEqual([
    ...new Set(live.filter((line) => line !== 'nothing changes')),
  ]);
  expect(live.join('\n').match(/all of it from|traffic of shop goes from/g)).toHaveLength(1);
  const { ticket, release } = await canaryAt(10);
  const canary = await dry();
  expect(canary.filter((line) => line.includes(`the canary ${release} is taken back`))).toHaveLength(1);
  canaries.quicken();
  await at.ended(ticket);
});

test('an undo of a rollback on a frozen target names the thaw, after which it works', async () => {
  expect((await say('/rollbacks', 'slow', ann)).body).toMatchObject({ done: true });
  await say('/targets/shop/freeze', 'wait for me', bob);
  const undo = () => cli(['rollback', 'undo', '--repo', 'shop'], { token: ann });
  const frozen = await undo();
  expect([frozen.code, frozen.err]).toEqual([5, expect.stringContaining('is frozen by Bob: wait for me')]);
  expect(frozen.err).toContain('next: to let it go on: ./millwright release thaw shop');
  await say('/halt', 'all of it', bob);
  const halted = await undo();
  expect([halted.code, halted.err]).toEqual([1, expect.stringContaining('is halted by Bob: all of it')]);
  expect(halted.err).toContain('./millwright resume --reason');
  await say('/resume', 'go');
  await say('/targets/shop/thaw', 'go', bob);
  expect(await undo()).toMatchObject({ code: 0, out: expect.stringContaining('serves shop again') });
});

test('a release says whose changes it brings, without one that was taken back before it was built', {
  tags: ['long'],
}, async () => {
  const bad = await at.file(change());
  await at.ended(bad);
  expect((await say('/rollbacks', 'slow', ann)).body).toMatchObject({ done: true });
  const good = await at.file(change());
  const { release } = await at.ended(good);
  expect((await at.api('GET', `/releases/${release}`)).body.tickets).toEqual([good]);
  const listed = (await at.api('GET', '/releases')).body.find((one: { id: string }) => one.id === release);
  expect(listed.tickets).toEqual([good]);
  // As a canary that was aborted, whose own run reverts it.
  const { ticket } = await canaryAt(10);
  await say('/targets/shop/abort', 'slow', ann);
  await at.ended(ticket);
  const next = await at.file(change());
  expect((await at.api('GET', `/releases/${(await at.ended(next)).release}`)).body.tickets).toEqual([next]);
});
