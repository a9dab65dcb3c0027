import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Conversation, loadScripts } from '@millwright/agents/recorded';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyShop, install, replay, resolveChecks, run } from './shop-replay.ts';

// The examples' conversations are written by hand: here they are played against the shop's real source, and its real tests say
// whether each ticket goes as its file says. Every implementer and reviewer runs the suite and expects how it ends.

const SHOP = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples', 'shop');
const conversations = loadScripts(join(SHOP, 'conversations'));
const work = mkdtempSync(join(tmpdir(), 'millwright-shop-'));
const base = join(work, 'base');
let copies = 0;

beforeAll(async () => {
  copyShop(SHOP, base);
  await install(base);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const copy = (from: string): string => {
  const to = join(work, `copy-${++copies}`);
  cpSync(from, to, { recursive: true });
  return to;
};

function find(
  ticket: string,
  role: Conversation['role'],
  when: Partial<Conversation['when']> = {},
): Conversation {
  const found = conversations.filter(
    (one) =>
      one.source.startsWith(ticket) &&
      one.role === role &&
      one.when.task === when.task &&
      one.when.attempt === when.attempt &&
      (when.prompt === undefined) === (one.when.prompt === undefined),
  );
  const [one, ...more] = found;
  if (one === undefined || more.length > 0)
    throw new Error(`${found.length} conversations of ${ticket} ${role}`);
  return one;
}

/**
 * Whether each of the tester's checks holds on a tree. The tester writes them at `at`, where its conversation expects them to fail.
 */
async function accepted(ticket: string, at: string, tree: string): Promise<boolean[]> {
  const scratch = copy(at);
  const checks = resolveChecks(await replay(find(ticket, 'test'), scratch));
  const candidate = copy(tree);
  cpSync(join(scratch, '.millwright-checks'), join(candidate, '.millwright-checks'), { recursive: true });
  const ran = await Promise.all(checks.map(({ command }) => run(candidate, command)));
  return ran.map(({ code }) => code === 0);
}

const failing = (output: string): string[] => [
  ...new Set([...output.matchAll(/^\s*✖ (.+?) \([\d.]+ms\)$/gm)].map((m) => m[1] ?? '')),
];

test('the shop passes its tests as it is', async () => {
  const suite = await run(base, 'npm test');
  expect(suite.output).toContain('fail 0');
  expect(suite.code).toBe(0);
});

describe('each ticket, on what the ones before it left', () => {
  const left = { tree: base };
  beforeAll(() => {
    left.tree = copy(base);
  });

  test('1: two independent tasks, each green alone, and both together', async () => {
    const at = left.tree;
    const [search, tax] = [copy(at), copy(at)];
    await Promise.all(
      [
        { task: 'search', tree: search },
        { task: 'tax', tree: tax },
      ].map(async ({ task, tree }) => {
        await replay(find('01', 'implement', { task }), tree);
        await replay(find('01', 'review', { task }), tree);
      }),
    );
    // They share no file, so that laying one's files over the other's tree is their merge.
    const both = copy(search);
    for (const path of ['src/prices.js', 'src/routes/carts.js', 'test/tax.test.js'])
      cpSync(join(tax, path), join(both, path));
    await replay(find('01', 'review'), both);
    expect(await accepted('01', at, both)).toEqual([true, true]);
    left.tree = both;
  });

  test('2: the first fix passes its own test and fails the suite, the second passes all', async () => {
    const at = left.tree;
    const tree = copy(at);
    await replay(find('02', 'implement', { attempt: 1 }), tree);
    const first = await run(tree, 'npm test');
    expect(first.code).not.toBe(0);
    expect(failing(first.output)).toEqual(['tells from how many the bulk discount holds']);
    await replay(find('02', 'implement', { attempt: 2 }), tree);
    await replay(find('02', 'review'), tree);
    expect(await accepted('02', at, tree)).toEqual([true]);
    left.tree = tree;
  });

  test('3: a migration, which the repository protects', async () => {
    const at = left.tree;
    const tree = copy(at);
    await replay(find('03', 'implement'), tree);
    await replay(find('03', 'review'), tree);
    expect(existsSync(join(tree, 'migrations/0003_weights.sql'))).toBe(true);
    expect(await accepted('03', at, tree)).toEqual([true]);
    left.tree = tree;
  });

  test('4: passes every test and check, and does not start as it is deployed', async () => {
    const at = left.tree;
    const tree = copy(at);
    await replay(find('04', 'implement'), tree);
    await replay(find('04', 'review'), tree);
    expect(await accepted('04', at, tree)).toEqual([true]);
    const started = await run(tree, 'PORT=0 timeout 5 node server.js');
    expect(started.output).toContain('SHOP_REGION is not set');
    expect(started.code).toBe(1);
  });
});

test('every ticket has a conversation for every role, with a plan and release notes', async () => {
  for (const ticket of ['01', '02', '03', '04']) {
    expect(await replay(find(ticket, 'plan'), base)).toMatchObject({ tasks: expect.any(Array) });
    expect(await replay(find(ticket, 'deploy'), base)).toMatchObject({ notes: expect.any(String) });
    for (const role of ['plan', 'implement', 'review', 'test', 'deploy'])
      expect(conversations.some((one) => one.source.startsWith(ticket) && one.role === role)).toBe(true);
  }
});
