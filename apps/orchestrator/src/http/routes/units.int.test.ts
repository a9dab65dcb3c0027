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
const units = async () => (await at.api('GET', '/units')).body;

test('a repository is of the default unit until it is moved, and one that is added can be of another at once', async () => {
  expect(await units()).toEqual([{ name: 'default', repos: ['shop'] }]);
  const added = await json('unit', 'add', 'payments', '--reason', reason);
  expect(added).toEqual({ name: 'payments', repos: [] });
  const second = ['repo', 'add', at.remote, '--name', 'till', '--unit', 'payments'];
  expect((await json(...second)).unit).toBe('payments');
  const moved = await json('repo', 'move', 'shop', '--unit', 'payments', '--reason', reason);
  expect(moved.unit).toBe('payments');
  expect((await say('/repos/shop/unit', { unit: 'payments' })).status).toBe(200);
  expect((await at.trail()).filter(({ type }) => type === 'repo.moved')).toHaveLength(1);
  expect(await json('unit', 'list')).toEqual([
    { name: 'default', repos: [] },
    { name: 'payments', repos: ['shop', 'till'] },
  ]);

  expect((await say('/repos/shop/unit', { unit: 'default' })).body.unit).toBe('default');
  expect((await at.api('GET', '/units/payments')).body).toEqual({ name: 'payments', repos: ['till'] });
});

test('a unit that is there, none that is, and what cannot be its name are refused, each with what to do', async () => {
  const acts = [{ act: 'list-units' }];
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
  expect((await at.api('GET', '/repos')).body).toHaveLength(2);
});

test('what its repositories spend is taken from the budget of their unit, as of when an attempt is opened', async () => {
  const spent = async (unit: string): Promise<number> => {
    const lines = (await at.api('GET', '/budgets')).body as { scope: string; spentUsd: number }[];
    return lines.find(({ scope }) => scope === `unit/${unit}`)?.spentUsd ?? 0;
  };
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
