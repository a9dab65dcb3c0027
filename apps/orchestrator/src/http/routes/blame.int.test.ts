import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type Shop, shop } from '../../testing/shop.ts';

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
  await db?.close();
});

test('from a line back to its ticket, run, decisions and release; what no run brought says so, and what is not there', async () => {
  const run = await at.ship({ 'src/a b.js': 'exports.a = 1;\nexports.b = 2;\n' });
  expect(run.state, run.reason).toBe('done');
  const { code, out } = await cli(['blame', 'src/a b.js:2', '--repo', 'shop']);
  expect(code).toBe(0);
  expect(out).toContain('src/a b.js:2  exports.b = 2;');
  expect(out).toMatch(/ticket +tkt_\w+ Change src\/a b.js, filed by admin/);
  expect(out).toMatch(new RegExp(`run +${run.id}`));
  expect(out).toMatch(/merge +.*gate_/);
  expect(out).toMatch(new RegExp(`release +${run.release} promoted`));
  const before = await cli(['blame', 'src/x.js:1', '--repo', 'shop', '--json']);
  expect(JSON.parse(before.out)).toMatchObject({ title: 'first', run: null });
  for (const [place, why] of [
    ['src/a b.js:9', 'has only 2 lines'],
    ['no.js:1', 'no such path'],
    ['--output=x:1', ''],
  ] as const) {
    const refused = await cli(['blame', '--repo', 'shop', '--', place]);
    expect([refused.code, refused.err.includes(why)]).toEqual([1, true]);
  }
  expect((await cli(['blame', 'src/x.js', '--repo', 'shop'])).code).toBe(2);
});
