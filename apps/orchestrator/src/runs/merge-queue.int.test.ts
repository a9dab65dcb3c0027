import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';
import type { Script } from '../testing/scripted-runner.ts';

// Many tickets at once on one repository, through the whole: each is good, and each lands.

const LINES = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';

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

/** The ticket's title names the file that its change makes. */
const own = ({ ticket }: { ticket: { title: string } }) => ({ [`${ticket.title}.txt`]: 'new\n' });

async function start(script: Script, settings = {}): Promise<void> {
  factory = await scriptedFactory(
    db,
    { 'a.txt': LINES, 'src/x.js': '', 'package.json': '{"name":"shop"}\n' },
    { implement: own, ...script },
    settings,
  );
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
}
const file = async (title: string): Promise<string> =>
  (await factory.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n\nplease` })).body.id;
const runOf = async (ticket: string) => {
  const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[0];
  return run === undefined ? null : (await factory.api('GET', `/runs/${run}`)).body;
};
const ended = (ticket: string, minutes?: number) =>
  factory.until(
    `the end of ${ticket}`,
    async () => {
      const run = await runOf(ticket);
      return run?.endedAt ? run : null;
    },
    minutes,
  );
const onMain = () =>
  git(factory.root, '--git-dir', factory.remote, 'ls-tree', '--name-only', 'main').split('\n');
const subjects = () =>
  git(factory.root, '--git-dir', factory.remote, 'log', '--format=%s', 'main').split('\n');
/** By a person's own git, who tries again where the factory was faster. */
const push = (message: string) => {
  const work = `${factory.root}/work`;
  writeFileSync(join(work, 'pushed.txt'), message);
  git(work, 'add', '-A');
  git(work, 'commit', '-qm', message);
  for (let tries = 1; ; tries += 1) {
    git(work, 'pull', '-q', '--rebase', factory.remote, 'main');
    try {
      git(work, 'push', '-q', factory.remote, 'HEAD:main');
      return;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
};

const allLand = async (count: number) => {
  await start({});
  const tickets = await Promise.all(Array.from({ length: count }, (_, i) => file(`f${i}`)));
  const runs = await Promise.all(tickets.map((ticket) => ended(ticket, count)));
  expect(runs.map(({ state, reason }) => `${state}: ${reason}`)).toEqual(Array(count).fill('done: merged'));
  expect(onMain()).toEqual(expect.arrayContaining(Array.from({ length: count }, (_, i) => `f${i}.txt`)));
  // plan, checks, implement, test and review; a test more where it is put behind another
  expect(factory.runner.attempts.length).toBeLessThanOrEqual(Math.floor(5 * count * 1.3));
};
const MANY =
  'lands %i good tickets at once, each its own file, with at most 1.3 times the stages of one by one';
it.each([6])(MANY, allLand);
it.each([12, 50])(MANY, { tags: ['long'], timeout: 3_600_000 }, allLand);

it('lands the others when one of a train fails its tests, and when somebody pushes meanwhile', async () => {
  let pushed = false;
  let tests = 0;
  await start({
    // One is good by itself, and bad on what others have merged, until its tests were seen to fail there.
    implement: (spec) => ({ ...own(spec), ...(spec.feedback.length > 0 ? { 'mended.txt': 'x' } : {}) }),
    test: async (spec) => {
      if (spec.ticket.title === 'f3' && !pushed) {
        pushed = true;
        push('by a person');
      }
      if (spec.ticket.title !== 'f1' || spec.changed.some(({ path }) => path === 'mended.txt'))
        return 'passed';
      tests += 1;
      if (tests === 1) await factory.until('another to be merged', () => onMain().includes('f0.txt'));
      return tests === 1 ? 'passed' : 'failed';
    },
  });
  const tickets = await Promise.all(Array.from({ length: 6 }, (_, i) => file(`f${i}`)));
  const runs = await Promise.all(tickets.map((ticket) => ended(ticket)));
  expect(runs.map(({ state }) => state)).toEqual(Array(6).fill('done'));
  expect(tests).toBe(2);
  expect(subjects().toSorted()).toEqual(['by a person', 'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'first']);
});

it('keeps the whole of a change when another that does a part of it as well leaves the train', {
  tags: ['long'],
}, async () => {
  const followed = async (first: string) => {
    const entries = await factory.factory.trail.readAll(0, 5_000);
    return entries.some(({ entry }) => entry?.type === 'base.moved' && entry.data.behind === first);
  };
  let first = '';
  let tests = 0;
  await start({
    implement: (spec) => ({ ...own(spec), 'both.txt': 'the same\n' }),
    test: async (spec) => {
      if (spec.ticket.title !== 'bad') return 'passed';
      tests += 1;
      // Good by itself: it is tested once more in the queue, since the branch moved.
      if (tests === 1) push('by a person');
      if (tests === 1) return 'passed';
      await factory.until('the other to follow it', () => followed(first));
      return 'failed';
    },
  });
  const bad = await file('bad');
  first = await factory.until('its run', async () => (await runOf(bad))?.id);
  await factory.until('its test in the queue', () => tests > 1);
  const good = await file('good');
  expect((await ended(good)).state).toBe('done');
  expect(onMain()).toEqual(expect.arrayContaining(['both.txt', 'good.txt']));
  expect(onMain()).not.toContain('bad.txt');
});

it('does not hold the others up while one waits for people, and lands that one when they come', async () => {
  await start({
    implement: (spec) =>
      spec.ticket.title === 'f0'
        ? { 'package.json': '{"name":"shop2"}\n', '.github/x.yml': 'on: x\n' }
        : own(spec),
  });
  const [ann, bob] = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  const first = await file('f0');
  await factory.until('a waiting gate', async () => (await factory.api('GET', '/gates')).body[0]);
  const others = await Promise.all(['f1', 'f2', 'f3'].map(file));
  expect((await Promise.all(others.map((ticket) => ended(ticket)))).map(({ state }) => state)).toEqual(
    Array(3).fill('done'),
  );
  expect((await runOf(first)).state).toBe('waiting');
  // Allowed, its base has moved: it is tested there and the same people are asked about that; nobody passes it meanwhile.
  const allowed = new Set<string>();
  const allow = () =>
    factory.until('both to allow it', async () => {
      const gate = (await factory.api('GET', '/gates')).body.find(
        (one: { id: string }) => !allowed.has(one.id),
      );
      if (!gate) return false;
      for (const { token } of [ann, bob])
        await factory.until(
          'approval',
          async () =>
            (await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, token)).status === 200,
        );
      allowed.add(gate.id);
      return true;
    });
  await allow();
  await factory.until('the gate anew', async () => (await factory.api('GET', '/gates')).body[0]);
  const late = await file('f4');
  await allow();
  expect(await ended(first)).toMatchObject({ state: 'done' });
  expect(await ended(late)).toMatchObject({ state: 'done' });
  expect(subjects().slice(0, 2)).toEqual(['f4', 'f0']);
});
