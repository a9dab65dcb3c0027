import type { ReleaseId, RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../testing/scripted-factory.ts';
import { type Shop, shop } from '../testing/shop.ts';

// Where a rollback may go, and what becomes of what it goes over.

const SHOP = 'shop' as RepoName;
let db: TestDatabase;
let at: Shop;
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db);
});
afterAll(async () => {
  await at?.stop();
  await db.close();
});

const rollback = (body: object) => at.api('POST', '/rollbacks', body);
const file = (name: string) => ({ [`src/${name}.js`]: `export const ${name} = 1;\n` });
const states = async () =>
  Object.fromEntries(
    (await at.api('GET', '/releases?repo=shop')).body.map((one: { id: string; state: string }) => [
      one.id,
      one.state,
    ]),
  );
const byState = async () =>
  Object.fromEntries(Object.entries(await states()).map(([id, state]) => [state, id])) as Record<
    'live' | 'previous',
    ReleaseId
  >;
const quarantined = async () =>
  (await at.api('GET', '/quarantine')).body.map((one: { release: string }) => one.release).sort();

test('a rollback over several leaves them all, branch and quarantine included; forward again brings them all back', async () => {
  const [a, b, c] = [
    (await at.ship(file('a'))).release,
    (await at.ship(file('b'))).release,
    (await at.ship(file('c'))).release,
  ];
  expect(await states()).toEqual({ [a]: 'good', [b]: 'previous', [c]: 'live' });

  const planned = (await rollback({ release: a, dryRun: true })).body;
  expect(planned.text).toContain(`the merge behind ${c} and behind ${b} is reverted`);
  expect(planned.plan.traffic).toContain(`${b} is left as well, and does not ship again as it is`);
  expect((await rollback({ release: a })).body).toMatchObject({ done: true, from: c, to: a });
  expect(at.main().slice(0, 2)).toEqual([
    expect.stringMatching(/^Revert .*b\.js/),
    expect.stringMatching(/^Revert .*c\.js/),
  ]);
  expect(await states()).toEqual({ [a]: 'live', [b]: 'rolled_back', [c]: 'rolled_back' });
  expect(await quarantined()).toEqual([b, c].sort());

  // By no name does a rollback go forward.
  expect(await rollback({ release: c })).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('is judged'), acts: [{ act: 'undo-rollback' }] },
  });
  expect(await rollback({ release: b })).toMatchObject({
    status: 409,
    body: { acts: [{ act: 'show-release', id: b }] },
  });
  expect(await rollback({})).toMatchObject({
    status: 409,
    body: { detail: `shop has had no release before ${a}` },
  });
  expect(await rollback({ repo: 'nobody' })).toMatchObject({
    status: 409,
    body: { detail: 'there is no repository nobody', acts: [{ act: 'list-repos' }] },
  });
  expect(await at.api('POST', '/targets/nobody/freeze', { reason: 'so' })).toMatchObject({ status: 404 });

  expect((await at.api('POST', '/rollbacks/undo', {})).body).toMatchObject({ state: 'started', release: c });
  await at.until('it to serve again', async () => {
    const [{ undo }] = (await at.api('GET', '/rollbacks')).body;
    return undo?.state === 'promoted';
  });
  expect(await states()).toEqual({ [a]: 'good', [b]: 'previous', [c]: 'live' });
  expect(await quarantined()).toEqual([]);
  expect(at.main().slice(0, 2)).toEqual([
    expect.stringMatching(/^Reapply .*c\.js/),
    expect.stringMatching(/^Reapply .*b\.js/),
  ]);

  // Left again, something else ships without either; a rollback from there goes past both.
  await rollback({ release: a });
  const d = await at.ship(file('d'));
  expect(d.state).toBe('done');
  expect(await states()).toEqual({
    ...{ [a]: 'previous', [b]: 'rolled_back', [c]: 'rolled_back' },
    [d.release]: 'live',
  });
});

test('a digest has what shipped and what went back, each with its entry; figures count what did not stay', async () => {
  const digest = (await at.api('GET', '/digest')).body;
  const said = (lines: { position: number; title: string | null; text: string }[]) =>
    lines.map(({ title, text }) => `${title}: ${text}`);
  expect(digest.shipped).toHaveLength(4);
  expect(said(digest.shipped)[0]).toMatch(/^Change src\/a\.js: /);
  expect(digest.broke.map(({ text }: { text: string }) => text)).toContainEqual(
    expect.stringContaining(' serves now, by rollback, after '),
  );
  const [first] = digest.shipped;
  expect((await at.trail()).find(({ position }) => position === first.position)).toMatchObject({
    type: 'deploy.finished',
    stream: `run/${first.run}`,
  });
  expect(digest.spent.repos).toMatchObject([{ repo: 'shop', stages: expect.any(Number) }]);
  expect((await at.api('GET', `/digest?from=${Date.now() + 60_000}`)).body).toMatchObject({
    ...{ broke: [], shipped: [], spent: { usd: 0, repos: [] } },
  });

  const figures = (await at.api('GET', '/metrics')).body;
  expect(figures).toMatchObject({
    deployments: { n: 4 },
    changeLead: { n: 4 },
    // Two of four were left, and came back by a person's word: they did not stay.
    changeFailure: { n: 2, of: 4, rate: 0.5 },
    autonomy: { n: 2, of: 4 },
    kinds: [{ kind: 'feature', ended: 4, done: 4 }],
  });
  expect(figures.stages.map(({ stage }: { stage: string }) => stage)).toEqual(
    expect.arrayContaining(['implement', 'review', 'canary', 'merge gate']),
  );
  expect((await at.api('GET', '/metrics?repo=nobody')).status).toBe(404);
  const scrape = (headers: Record<string, string>) => at.app.inject({ url: '/metrics', headers });
  expect((await scrape({})).statusCode).toBe(401);
  const scraped = await scrape({ authorization: `Bearer ${ADMIN_TOKEN}` });
  expect(scraped.headers['content-type']).toContain('application/openmetrics-text');
  expect(scraped.body).toContain('\nmillwright_change_failure_ratio 0.5\n');
  expect(scraped.body.endsWith('# EOF\n')).toBe(true);
});

test('what is live by the trail, and not by its target, gets its traffic back by name; nothing is reverted', async () => {
  const { live: d, previous: a } = await byState();
  await at.target.shift(new Map([[a, 100]]), at.factory.views.open.target(SHOP).fence);
  const [main, before] = [at.main(), await states()];
  expect((await rollback({ release: d })).body).toMatchObject({ done: true, from: d, to: d, revert: null });
  expect([...(await at.target.state()).serving]).toEqual([[d, 100]]);
  expect([at.main(), await states()]).toEqual([main, before]);
});

test('a rollback whose factory died before the branch followed is finished by the next sweep', async () => {
  const { live: d, previous: a } = await byState();
  const fence = at.factory.views.open.target(SHOP).fence + 1;
  expect(await at.factory.deployments.rollback(SHOP, a, fence, 'by hand')).toMatchObject({
    kind: 'switched',
    from: [d],
  });
  await at.until('the revert', () => /^Revert .*d\.js/.test(at.main()[0] ?? ''));
});
