import type { ReleaseId, RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';

const SHOP = 'shop' as RepoName;
let db: TestDatabase;
let at: Shop;
beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 7);
});
afterEach(async () => {
  await at.stop();
  await db.close();
});

const file = (name: string) => ({ [`src/${name}.js`]: `export const ${name} = 1;\n` });

test('views that say nothing of what was rolled back, of releases and of lost autonomy change no gate, no rollback and no fence', async () => {
  const [first, second] = [await at.ship(file('a')), await at.ship(file('b'))];
  const good = new Set<ReleaseId>([first.release, second.release]);
  let asked = 0;
  at.target.faults.figures = (id) => {
    asked += 1_000;
    return { requests: asked, errors: good.has(id) ? 0 : asked / 2 };
  };
  const bad = await at.ship(file('c'), 'bug');
  expect(bad.state).toBe('rolled_back');
  at.target.faults.figures = () => ({ requests: 0, errors: 0 });

  const { views, forward } = at.factory;
  const { fence } = await forward.target(SHOP);
  const owner = postgres(db.url.migrator, { max: 1 });
  await owner`truncate read.quarantines, read.releases, read.targets`;
  const { open } = views;
  open.quarantines.restore([]);
  open.releases.clear();
  open.targets.clear();
  const repo = { ...open.repo(SHOP), step: 7 };
  await owner`update read.repos set state = ${JSON.stringify({ ...repo, lost: [] })}`;
  await owner.end();
  open.repos.set(SHOP, { ...repo, lost: new Map() } as never);

  // What was rolled back is refused, whatever its ticket calls itself.
  const again = await at.ship(file('c'), 'docs');
  expect(again).toMatchObject({ state: 'denied', reason: expect.stringContaining(bad.release) });
  // Its kind of change was demoted: at 6 it still goes by itself, and says so.
  const runs = async () => (await at.trail()).filter(({ type }) => type === 'run.opened');
  const before = (await runs()).length;
  const opened = await at.ship(file('d'), 'bug');
  expect((await runs())[before]).toMatchObject({ data: { step: 6 } });
  expect(opened.state).toBe('done');
  // From what serves by then to the one before it, and no fence is given out twice.
  const back = await at.api('POST', '/rollbacks', { repo: 'shop', reason: 'not wanted' });
  expect(back.body).toMatchObject({ done: true, from: opened.release, to: second.release });
  const given = (await at.trail())
    .filter(
      ({ type, data }) => type === 'deploy.started' || (type === 'target.released' && data.by === 'rollback'),
    )
    .map(({ data }) => Number(data.fence));
  expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
  expect(given.filter((one) => one > fence)).toHaveLength(2);
});
