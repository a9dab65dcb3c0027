import type { ScopedRoute } from '@millwright/api';
import { ROUTES } from '@millwright/api';
import type { AttemptId, RepoName, RunId } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type Shop, shop } from '../../testing/shop.ts';

// Business units, said through the command line to the composed orchestrator.

let db: TestDatabase;
let at: Shop;
let cli: Cli;
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db);
  cli = await cliOn(at.app);
  for (const name of ['payments', 'lab']) expect((await say('/units', { name })).status).toBe(201);
});
afterAll(async () => {
  await at?.stop();
  await db.close();
});

const reason = 'so we are made';
const json = async (...args: string[]) => {
  const ran = await cli([...args, '--json']);
  expect(ran.code, ran.err).toBe(0);
  return JSON.parse(ran.out);
};
const say = (url: string, body: object, token?: string) => at.api('POST', url, { reason, ...body }, token);

test('a repository is of the default unit until it is moved, and one that is added can be of another at once', async () => {
  await say('/repos/shop/unit', { unit: 'default' });
  const added = await json('unit', 'add', 'ledger', '--reason', reason);
  expect(added).toEqual({ name: 'ledger', repos: [], policy: null });
  const second = ['repo', 'add', at.remote, '--name', 'till', '--unit', 'ledger'];
  expect((await json(...second)).unit).toBe('ledger');
  const moves = async () => (await at.trail()).filter(({ type }) => type === 'repo.moved').length;
  const before = await moves();
  const moved = await json('repo', 'move', 'shop', '--unit', 'ledger', '--reason', reason);
  expect(moved.unit).toBe('ledger');
  expect((await say('/repos/shop/unit', { unit: 'ledger' })).status).toBe(200);
  expect(await moves()).toBe(before + 1);
  expect(await json('unit', 'list')).toEqual([
    { name: 'default', repos: [], policy: null },
    { name: 'lab', repos: [], policy: null },
    { name: 'ledger', repos: ['shop', 'till'], policy: null },
    { name: 'payments', repos: [], policy: null },
  ]);

  expect((await say('/repos/shop/unit', { unit: 'default' })).body.unit).toBe('default');
  expect((await at.api('GET', '/units/ledger')).body).toMatchObject({ repos: ['till'] });
});

test('gates are listed of one repository, those that wait and those that are over, and of none that is not there', async () => {
  expect((await say('/repos/shop/autonomy', { step: 0 })).status).toBe(200);
  const ticket = await at.file({ 'src/waits.js': 'export const waits = 1;\n' });
  const [waiting] = await at.until('its start gate', async () => {
    const found = (await at.api('GET', '/gates?repo=shop')).body;
    return found.length > 0 ? found : null;
  });
  expect((await at.api('GET', '/gates?repo=till')).body).toEqual([]);
  expect((await cli(['gate', 'list', '--repo', 'till'])).out).toBe('No gate of till waits for anybody.\n');
  expect(await json('gate', 'list', '--repo', 'shop')).toMatchObject([{ id: waiting.id, state: 'waiting' }]);

  expect((await say(`/runs/${waiting.run}/cancel`, {})).status).toBe(200);
  await at.ended(ticket);
  await say('/repos/shop/autonomy', { step: 6 });
  expect((await at.api('GET', '/gates?repo=shop')).body).toEqual([]);
  expect((await at.api('GET', '/gates?repo=shop&state=all')).body).toMatchObject([{ id: waiting.id }]);
  expect((await at.api('GET', '/gates?repo=till&state=all')).body).toEqual([]);
  expect((await at.api('GET', '/gates?repo=tll')).body).toMatchObject({ code: 'unknown-filter' });
});

test('a unit that is there, none that is, and what cannot be its name are refused, each with what to do', async () => {
  const acts = [{ act: 'list-units' }];
  const repos = (await at.api('GET', '/repos')).body.length;
  for (const name of ['payments', 'default'])
    expect((await say('/units', { name })).body).toMatchObject({ code: 'exists', acts });
  const unit = 'paiments';
  for (const refused of [
    await at.api('GET', `/units/${unit}`),
    await say('/repos/shop/unit', { unit }),
    await at.api('POST', '/repos', { url: at.remote, name: 'third', unit }),
  ])
    expect(refused.body).toMatchObject({ code: 'not-found', acts });
  expect((await say('/units', { name: 'Payments!' })).status).toBe(400);
  expect((await at.api('GET', '/repos')).body).toHaveLength(repos);
});

test('what its repositories spend is taken from the budget of their unit, as of when an attempt is opened', async () => {
  const spent = async (unit: string): Promise<number> => {
    const lines = (await at.api('GET', '/budgets')).body as { scope: string; spentUsd: number }[];
    return lines.find(({ scope }) => scope === `unit/${unit}`)?.spentUsd ?? 0;
  };
  await say('/repos/shop/unit', { unit: 'default' });
  await at.ship({ 'src/a.js': 'export const a = 1;\n' });
  const before = await spent('default');
  expect([before > 0, await spent('payments')]).toEqual([true, 0]);
  await say('/repos/shop/unit', { unit: 'payments' });
  expect((await say('/budgets', { scope: 'unit/paiments', usd: 1 })).status).toBe(404);
  expect((await say('/budgets', { scope: 'unit/payments', usd: 7 })).status).toBe(200);
  const run = await at.ship({ 'src/b.js': 'export const b = 1;\n' });
  expect(await spent('default')).toBe(before);
  expect(await spent('payments')).toBeGreaterThan(0);
  const cost = (await at.api('GET', `/runs/${run.id}/cost`)).body;
  expect(cost.budgets.map(({ scope }: { scope: string }) => scope)).toEqual([
    'factory',
    'unit/payments',
    'repo/shop',
    expect.stringContaining('ticket/'),
    `run/${run.id}`,
  ]);
  expect(cost.budgets[1]).toMatchObject({ capUsd: 7 });
});

test('what is done in a unit is refused to whoever has every role in another one, by every route, and leaves nothing', async () => {
  await say('/repos/shop/unit', { unit: 'payments' });
  const run = await at.ship({ 'src/c.js': 'export const c = 1;\n' });
  const [gate] = run.gates;
  const code = await cli(['person', 'invite', 'Lea', '--roles', 'admin,author,approver', '--unit', 'lab']);
  expect(code.code, code.err).toBe(0);
  const { token } = (await at.api('POST', '/people/acceptance', { code: code.out.trim() }, null)).body;
  const { ticket } = (await at.api('GET', `/runs/${run.id}`)).body;
  const scope = { kind: 'unit', unit: 'payments' };
  const role = { role: 'author', scope };
  const [repo, path] = ['shop', `/repos/shop`];
  const asked: Record<ScopedRoute, [url: string, body: object]> = {
    halt: ['/halt', { scope }],
    resume: ['/resume', { scope }],
    invite: ['/people/invitations', { name: 'Lee', roles: ['author'], scope, reason: undefined }],
    grantRole: ['/people/Lea/grants', role],
    revokeRole: ['/people/Lea/revocations', role],
    setLimit: ['/limits', { scope: 'repo/shop', stages: 1 }],
    setBudget: ['/budgets', { scope: `run/${run.id}`, usd: 9 }],
    setUnitPolicy: ['/units/payments/policy', { policy: null }],
    replayPolicy: ['/policy/replay', { scope, policy: null, since: 0, reason: undefined }],
    addRepo: ['/repos', { url: at.remote, name: 'nth', unit: 'payments', reason: undefined }],
    moveRepo: [`${path}/unit`, { unit: 'lab' }],
    setSecret: [`${path}/secrets`, { name: 'A', value: 'b', reason: undefined }],
    connectRepo: [
      `${path}/connection`,
      { kind: 'github', project: 'acme/shop', token: 'x', reason: undefined },
    ],
    disconnectRepo: [`${path}/disconnection`, {}],
    setStep: [`${path}/autonomy`, { step: 0 }],
    attest: [
      '/ladder/attestations',
      {
        ...{ scope, criterion: 'output', evidence: 'x', until: Date.now() + 60_000 },
        reason: undefined,
      },
    ],
    fileTicket: ['/tickets', { repo, markdown: '# No', reason: undefined }],
    linkTicket: [
      `/tickets/${ticket}/links`,
      { kind: 'issue', id: '7', url: 'https://example.org/7', reason: undefined },
    ],
    answerTicket: [`/tickets/${ticket}/answers`, { text: 'no', reason: undefined }],
    steerRun: [`/runs/${run.id}/steering`, { text: 'x', reason: undefined }],
    cancelRun: [`/runs/${run.id}/cancel`, {}],
    retryRun: [`/runs/${run.id}/retry`, {}],
    followUpRun: [`/runs/${run.id}/follow-ups`, { nth: 1, kind: 'bug', reason: undefined }],
    approveGate: [`/gates/${gate?.id}/approve`, {}],
    denyGate: [`/gates/${gate?.id}/deny`, {}],
    liftQuarantine: [`/releases/${run.release}/lift`, {}],
    rollBack: ['/rollbacks', { release: run.release }],
    undoRollback: ['/rollbacks/undo', { repo, reason: undefined }],
    pauseCanary: ['/targets/shop/pause', { ms: 1_000 }],
    promoteCanary: ['/targets/shop/promote', {}],
    abortCanary: ['/targets/shop/abort', {}],
    freezeTarget: ['/targets/shop/freeze', {}],
    thawTarget: ['/targets/shop/thaw', {}],
  };
  const before = await at.trail();
  for (const [name, [url, body]] of Object.entries(asked)) {
    expect(ROUTES[name as ScopedRoute].there, name).toBe(true);
    expect(await say(url, body, token), name).toMatchObject({
      status: 403,
      body: {
        code: 'forbidden',
        detail: expect.stringMatching(
          /^this needs the role .* for (repository shop, of )?unit payments; Lea has admin, author, approver of unit lab$/,
        ),
      },
    });
  }
  expect(await at.trail()).toEqual(before);
  const refused = await cli(['repo', 'move', 'shop', '--unit', 'lab', '--reason', reason], { token });
  expect([refused.code, refused.err]).toEqual([
    4,
    expect.stringContaining('the role admin for unit payments'),
  ]);
});

test('a unit’s own policy forbids beside the factory’s at every step, is told as the gate’s reason, and can only tighten', async () => {
  await say('/repos/shop/unit', { unit: 'payments' });
  expect((await say('/repos/shop/autonomy', { step: 7 })).status).toBe(200);
  const set = (input: string) =>
    cli(['unit', 'policy', 'set', 'payments', '-', '--reason', reason], { input });
  const permits = await set('@id("mine") permit (principal, action, resource);');
  expect([permits.code, permits.err]).toEqual([1, expect.stringContaining('a unit may only add forbid')]);
  expect((await json('unit', 'show', 'payments')).policy).toBeNull();
  const text =
    '@id("closed") @says("payments close their books") forbid (principal, action == Action::"merge", resource);';
  expect((await set(text)).code).toBe(0);
  expect((await json('unit', 'show', 'payments')).policy).toBe(text);
  const denied = await at.ship({ 'src/d.js': 'export const d = 1;\n' });
  const merge = denied.gates.find(({ action }) => action === 'merge');
  expect([denied.state, merge?.decision]).toEqual(['denied', 'deny']);
  const shown = await cli(['gate', 'show', merge?.id ?? '']);
  expect(shown.out).toContain('payments close their books');
  expect(shown.out).toContain('unit/closed');

  // Another unit's repository is not judged by it, and taken away it is gone.
  await say('/repos/shop/unit', { unit: 'default' });
  expect((await at.ship({ 'src/e.js': 'export const e = 1;\n' })).state).toBe('done');
  await say('/repos/shop/unit', { unit: 'payments' });
  expect((await cli(['unit', 'policy', 'remove', 'payments', '--reason', reason])).code).toBe(0);
  expect((await at.ship({ 'src/f.js': 'export const f = 1;\n' })).state).toBe('done');
});

test('a limit holds stages back until it is their turn, is told with what raises it, and is never passed', async () => {
  const set = (scope: string, stages: string) => cli(['limit', 'set', scope, stages, '--reason', reason]);
  expect((await set('repo/shop', '0')).err).toContain('STAGES is a number from 1 to 1000, or none');
  expect((await say('/limits', { scope: 'repo/none', stages: 1 })).status).toBe(404);
  expect((await say('/limits', { scope: 'unit/none', stages: 1 })).status).toBe(404);
  expect((await set('repo/shop', '1')).code).toBe(0);
  // A stage that is at work, and does not end.
  const { turns, trail } = at.factory;
  const other = { attempt: 'att_0other' as AttemptId, run: 'run_0other' as RunId, repo: 'shop' as RepoName };
  turns.takeUp({ ...other, needs: [], paused: false });
  const since = await trail.head();
  const ticket = await at.file({ 'src/g.js': 'export const g = 1;\n' });
  const run = await at.until('a run whose stage waits for its turn', async () => {
    const [first] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
    return first !== undefined && turns.why(first) !== null ? (first as string) : null;
  });
  const why = (await cli(['run', 'why', run])).out;
  expect(why).toContain(
    'its next stage waits for its turn: repository shop has as much at work as it may (1)',
  );
  expect(why).toContain('./millwright limit set repo/shop');
  const shown = (await json('limit', 'show')).find(({ scope }: { scope: string }) => scope === 'repo/shop');
  expect(shown).toMatchObject({ stages: 1, atWork: 1, waiting: 1 });

  turns.leave(other.attempt);
  expect((await at.ended(ticket)).state).toBe('done');
  const types = (await trail.readAll(since, 1_000)).flatMap(({ entry }) => entry?.type ?? []);
  const turn = types.filter((type) => type === 'attempt.opened' || type === 'attempt.closed');
  expect(turn.length).toBeGreaterThan(8);
  expect(turn).toEqual(turn.map((_, nth) => (nth % 2 === 0 ? 'attempt.opened' : 'attempt.closed')));
  expect((await set('repo/shop', 'none')).code).toBe(0);
});

test('the ladder says of each criterion what the trail shows; a person attests the rest, with evidence and an end, and nobody attests what is measured', async () => {
  await say('/repos/shop/autonomy', { step: 5 });
  const { places } = (await at.api('GET', '/ladder?repo=shop')).body;
  const shop = places.find((one: { repo: string | null }) => one.repo === 'shop');
  expect(shop).toMatchObject({ step: 5, next: 6 });
  const criterion = (id: string, of = shop) => of.criteria.find((one: { id: string }) => one.id === id);
  expect(criterion('use-5')).toMatchObject({
    state: 'unmet',
    figure: expect.stringMatching(/^0 of 90 days/),
  });
  expect(criterion('use-5').positions.length).toBeGreaterThan(0);
  expect(criterion('satisfaction')).toMatchObject({ state: 'unknown', attested: null });
  const attest = (...args: string[]) => cli(['autonomy', 'attest', ...args]);
  const given = ['--repo', 'shop', '--evidence', 'survey of November, 82 %', '--for', '90d'];
  const said = await attest('satisfaction', ...given);
  expect([said.code, said.out]).toEqual([0, expect.stringContaining('survey of November')]);
  const after = (await at.api('GET', '/ladder?repo=shop')).body.places;
  expect(
    criterion(
      'satisfaction',
      after.find((one: { repo: string | null }) => one.repo === 'shop'),
    ),
  ).toMatchObject({ state: 'met', attested: { by: 'admin', evidence: 'survey of November, 82 %' } });
  const before = (await at.trail()).length;
  for (const [args, why] of [
    [['use-5', ...given], 'is measured from the trail'],
    [['satisfacton', ...given], 'did you mean satisfaction?'],
    [['satisfaction', '--repo', 'shop', '--evidence', ' ', '--for', '90d'], '--evidence'],
    [['satisfaction', '--repo', 'shop', '--evidence', 'x', '--for', '900d'], 'more than a year'],
  ] as const) {
    const refused = await attest(...args);
    expect([refused.code, refused.err], args[0]).toEqual([expect.any(Number), expect.stringContaining(why)]);
    expect(refused.code).not.toBe(0);
  }
  expect(await at.trail()).toHaveLength(before);
  const shown = await cli(['autonomy', 'show', '--repo', 'shop']);
  expect(shown.out).toContain('shop, to reach step 6:');
  const report = await cli(['ladder', 'report']);
  expect(report.out).toContain('# The autonomy ladder');
  expect(report.out).toContain('to reach step 6');
  // No step is gained by it.
  expect((await at.api('GET', '/repos')).body.find((one: { name: string }) => one.name === 'shop').step).toBe(
    5,
  );
});
