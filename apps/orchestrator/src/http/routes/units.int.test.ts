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
  expect((await say('/units', { name: 'payments' })).status).toBe(201);
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
  expect(added).toEqual({ name: 'ledger', repos: [] });
  const second = ['repo', 'add', at.remote, '--name', 'till', '--unit', 'ledger'];
  expect((await json(...second)).unit).toBe('ledger');
  const moves = async () => (await at.trail()).filter(({ type }) => type === 'repo.moved').length;
  const before = await moves();
  const moved = await json('repo', 'move', 'shop', '--unit', 'ledger', '--reason', reason);
  expect(moved.unit).toBe('ledger');
  expect((await say('/repos/shop/unit', { unit: 'ledger' })).status).toBe(200);
  expect(await moves()).toBe(before + 1);
  expect(await json('unit', 'list')).toEqual([
    { name: 'default', repos: [] },
    { name: 'ledger', repos: ['shop', 'till'] },
    { name: 'payments', repos: [] },
  ]);

  expect((await say('/repos/shop/unit', { unit: 'default' })).body.unit).toBe('default');
  expect((await at.api('GET', '/units/ledger')).body).toEqual({ name: 'ledger', repos: ['till'] });
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
