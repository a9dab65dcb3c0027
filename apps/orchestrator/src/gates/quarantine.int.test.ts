import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { GitSha, ReleaseId, RepoName } from '@millwright/domain';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Orchestrator } from '../compose.ts';

import { Repository } from '../source-control/repository.ts';
import { heldBy, nearTo, sameAs } from './quarantine.ts';

// Every way around that history offers, on real git.

const root = mkdtempSync(join(tmpdir(), 'millwright-quarantine-'));
const shop = 'shop' as RepoName;
let nth = 0;
let work = '';
let repo: Repository;
let good: GitSha;
let bad: GitSha;

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd: work,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
const commit = (message: string, files: Record<string, string>): GitSha => {
  for (const [path, text] of Object.entries(files)) writeFileSync(join(work, path), text);
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', message);
  return git('rev-parse', 'HEAD') as GitSha;
};
const LINES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const text = (...changes: [number, string][]) =>
  `${LINES.map((line, at) => changes.find(([n]) => n === at)?.[1] ?? line).join('\n')}\n`;

/** How the head of the work tree is judged, with `bad` in quarantine and `good` live. */
async function judged(live: GitSha | null = good): Promise<string | null> {
  const head = git('rev-parse', 'HEAD') as GitSha;
  git('push', '-qf', 'origin', 'HEAD:main');
  await repo.fetch();
  return (await heldBy(factoryWith(bad), shop, head, live))[0]?.how ?? null;
}
const factoryWith = (...commits: GitSha[]) =>
  ({
    register: {
      look: async () => ({
        quarantine: () =>
          commits.map((one) => ({ commit: one, release: 'rel_00000001' as ReleaseId, by: 'canary', at: 0 })),
      }),
    },
    repositories: { open: async () => repo },
  }) as unknown as Orchestrator['factory'];

beforeEach(async () => {
  nth += 1;
  const folder = join(root, String(nth));
  const remote = join(folder, 'remote.git');
  work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  git('init', '-q', '-b', 'main', '.');
  git('remote', 'add', 'origin', remote);
  good = commit('good', { 'a.txt': text(), 'b.txt': text() });
  bad = commit('bad', { 'a.txt': text([4, 'FIVE']), 'b.txt': text([4, 'FIVE']) });
  git('push', '-q', 'origin', 'HEAD:main');
  repo = await Repository.open(join(folder, 'factory'), 'shop', remote, 'main');
  await repo.fetch();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('the commit itself, and what is built on it, is held; reverted it ships, with what came before and after', async () => {
  expect(await judged()).toBe('commit');
  commit('other', { 'c.txt': 'c\n' });
  expect(await judged()).toBe('commit');
  git('revert', '--no-edit', bad);
  commit('more', { 'c.txt': 'd\n' });
  expect(await judged()).toBeNull();
  commit('a real fix', { 'a.txt': text([4, 'Five']), 'b.txt': text([4, 'Five']) });
  expect(await judged()).toBeNull();
});

test('its patch under another commit is held: picked anew, the revert reverted, or on a history that never had it', async () => {
  git('revert', '--no-edit', bad);
  git('cherry-pick', '-x', bad);
  expect(await judged()).toBe('patch');
  git('reset', '-q', '--hard', good);
  commit('innocent', { 'c.txt': 'c\n' });
  expect(await judged()).toBeNull();
  commit('the same, typed again', { 'a.txt': text([4, 'FIVE']), 'b.txt': text([4, 'FIVE']) });
  expect(await judged()).toBe('patch');
  git('revert', '--no-edit', 'HEAD');
  expect(await judged()).toBeNull();
  git('revert', '--no-edit', 'HEAD');
  expect(await judged()).toBe('patch');
});

test('a merge that brings it counts as it, and so do two commits that make it together', async () => {
  git('reset', '-q', '--hard', good);
  commit('innocent', { 'c.txt': 'c\n' });
  git('merge', '-q', '--no-ff', '-m', 'bring it in', bad);
  expect(await judged()).not.toBeNull();
  git('reset', '-q', '--hard', good);
  commit('one half', { 'a.txt': text([4, 'FIVE']) });
  expect(await judged()).toBeNull();
  commit('the other', { 'b.txt': text([4, 'FIVE']) });
  expect(await judged()).toBe('difference');
});

test('a revert is known by what it does, not by what it says', async () => {
  commit(`Revert "bad"\n\nThis reverts commit ${bad}.\n\nMillwright-Reverts: ${bad}`, { 'c.txt': 'c\n' });
  expect(await judged()).toBe('commit');
  commit(`Revert "bad"\n\nMillwright-Reverts: ${bad}`, { 'a.txt': text() });
  expect(await judged()).toBe('commit');
  git('reset', '-q', '--hard', bad);
  // Its surroundings have changed, so that the revert is another patch than the reverse one.
  commit('nearby', { 'a.txt': text([4, 'FIVE'], [6, 'SEVEN']), 'b.txt': text([4, 'FIVE'], [2, 'THREE']) });
  expect(await judged()).toBe('commit');
  git('revert', '--no-edit', bad);
  expect(await judged()).toBeNull();
});

test('a change that is the bad patch again is known before it merges; without a quarantine nothing is asked', async () => {
  expect(await sameAs(factoryWith(bad), shop, good, bad)).toMatchObject([{ commit: bad, how: 'patch' }]);
  expect(await sameAs(factoryWith(bad), shop, bad, good)).toEqual([]);
  expect(await heldBy(factoryWith(), shop, bad, good)).toEqual([]);
  expect(await judged(null)).toBe('commit');
});

test.each<[string, Record<string, string>]>([
  ['a blank line more', { 'a.txt': text([4, 'FIVE\n']), 'b.txt': text([4, 'FIVE']) }],
  ['other spaces', { 'a.txt': text([4, '  FIVE ']), 'b.txt': text([4, 'FIVE\t']) }],
  [
    'other spaces around it too',
    { 'a.txt': text([4, 'FIVE'], [8, 'nine\n\n']), 'b.txt': text([4, 'FI VE']) },
  ],
])('the bad patch with %s is held, merged or not', async (_, files) => {
  git('revert', '--no-edit', bad);
  const before = git('rev-parse', 'HEAD') as GitSha;
  const again = commit('again', files);
  expect(await judged()).toBe('patch');
  expect(await sameAs(factoryWith(bad), shop, before, again)).toMatchObject([{ how: 'patch' }]);
});

test('what has most of it is near, and what is another change is not', async () => {
  git('revert', '--no-edit', bad);
  const before = git('rev-parse', 'HEAD') as GitSha;
  const near = async (files: Record<string, string>) => {
    git('reset', '-q', '--hard', before);
    const made = commit('made', files);
    await judged();
    return nearTo(factoryWith(bad), shop, before, made);
  };
  const both = { 'a.txt': text([4, 'FIVE']), 'b.txt': text([4, 'FIVE']) };
  expect(await near({ ...both, 'c.txt': 'more\n' })).toEqual([expect.stringContaining('rel_00000001')]);
  expect(await near({ 'c.txt': 'FIVE\n' })).toHaveLength(1);
  expect(await near({ 'a.txt': text([4, 'Five']), 'b.txt': text([4, 'Five']) })).toEqual([]);
});

test.each(['bad', 'good'] as const)(
  'a history that has lost its %s commit is an error, never one without what is bad',
  async (which) => {
    const head = commit('on top', { 'c.txt': 'c\n' });
    expect(await judged()).toBe('commit');
    const lost = which === 'bad' ? bad : good;
    const { dir } = repo.git;
    rmSync(join(dir, 'objects', lost.slice(0, 2), lost.slice(2)));
    const fresh = await Repository.open(dirname(dir), 'shop', repo.url, 'main');
    const broken = {
      ...factoryWith(bad),
      repositories: { open: async () => fresh },
    } as unknown as Orchestrator['factory'];
    await expect(fresh.isAncestor(good, head)).rejects.toThrow(/git merge-base failed/);
    await expect(heldBy(broken, shop, head, good)).rejects.toThrow(/failed/);
    await expect(nearTo(broken, shop, good, head)).rejects.toThrow(/failed/);
  },
);
