import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitSha, RepoName } from '@millwright/domain';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Orchestrator } from '../compose.ts';

import { LocalLeases } from '../streams/local-leases.ts';
import { Repository } from './repository.ts';
import { restoreMerge, revertMerge } from './revert.ts';

// Whether a change is on the branch is read off its trees, on real git: what anybody wrote into a message proves nothing.

const root = mkdtempSync(join(tmpdir(), 'millwright-revert-'));
const shop = 'shop' as RepoName;
let nth = 0;
let work = '';
let factory: Orchestrator['factory'];
let bad: GitSha;

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd: work,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
const LINES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const text = (...changes: [number, string][]) =>
  `${LINES.map((line, at) => changes.find(([n]) => n === at)?.[1] ?? line).join('\n')}\n`;
const commit = (message: string, files: Record<string, string>): GitSha => {
  for (const [path, content] of Object.entries(files)) writeFileSync(join(work, path), content);
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', message);
  git('push', '-qf', 'origin', 'HEAD:main');
  return git('rev-parse', 'HEAD') as GitSha;
};
const push = (...args: string[]): GitSha => {
  git(...args);
  git('push', '-qf', 'origin', 'HEAD:main');
  return git('rev-parse', 'HEAD') as GitSha;
};
const pulled = (path: string): string => {
  git('pull', '-q', 'origin', 'main');
  return git('show', `HEAD:${path}`);
};
const out = () => revertMerge(factory, shop, bad, 'Millwright-Run: run_00000001');
const back = () => restoreMerge(factory, shop, bad, 'Millwright-Undo: rel_00000001');

beforeEach(async () => {
  nth += 1;
  const folder = join(root, String(nth));
  const remote = join(folder, 'remote.git');
  work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  git('init', '-q', '-b', 'main', '.');
  git('remote', 'add', 'origin', remote);
  commit('good', { 'a.txt': text() });
  bad = commit('bad', { 'a.txt': text([4, 'FIVE']), 'new.txt': 'new\n' });
  const repo = await Repository.open(join(folder, 'factory'), 'shop', remote, 'main');
  factory = {
    merges: new LocalLeases<RepoName>(),
    repositories: { open: async () => repo },
    clock: { now: () => 0, sleep: async () => undefined },
  } as unknown as Orchestrator['factory'];
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each([
  (sha: GitSha) => `Millwright-Reverts: ${sha}`,
  (sha: GitSha) => `Revert "bad"\n\nThis reverts commit ${sha}.\n\nMillwright-Reverts: ${sha}`,
  (sha: GitSha) => `Quiet\n\nMillwright-Reverts: ${sha}\nMillwright-Run: run_00000001`,
])('a later change that says it reverts it does not keep it there (%#)', async (says) => {
  const liar = commit(says(bad), { 'c.txt': 'c\n' });
  const reverted = await out();
  expect(reverted).toMatchObject({ ref: 'main', reason: 'reverted by a new commit' });
  expect(reverted.commit).not.toBe(liar);
  expect(pulled('a.txt')).toBe(text().trim());
  expect(pulled('c.txt')).toBe('c');
  // Again, as by a factory that was killed before it said so.
  expect(await out()).toMatchObject({ commit: reverted.commit, reason: 'found on the branch' });
});

test('what a person took back, under any message, is not taken back twice', async () => {
  const theirs = commit('tidy up', { 'a.txt': text() });
  git('rm', '-q', 'new.txt');
  const rest = commit('and this', {});
  expect(await out()).toMatchObject({ commit: rest, reason: 'found on the branch' });
  expect(rest).not.toBe(theirs);
});

test('taken back where its surroundings have changed, with what came after kept; put back, and taken back again', async () => {
  commit('nearby', { 'a.txt': text([4, 'FIVE'], [7, 'EIGHT']) });
  const first = await out();
  expect(pulled('a.txt')).toBe(text([7, 'EIGHT']).trim());
  const again = await back();
  expect(again.commit).not.toBe(first.commit);
  expect(pulled('a.txt')).toBe(text([4, 'FIVE'], [7, 'EIGHT']).trim());
  expect(await back()).toMatchObject({ commit: again.commit, reason: 'found on the branch' });
  const second = await out();
  expect([first.commit, again.commit]).not.toContain(second.commit);
  expect(pulled('a.txt')).toBe(text([7, 'EIGHT']).trim());
});

test('what was never taken back is not put back; what somebody wrote over is left to a person', async () => {
  expect(await back()).toEqual({ commit: null, ref: 'main', reason: 'it was never reverted' });
  commit('over it', { 'a.txt': text([4, 'Fünf']) });
  expect(await out()).toMatchObject({
    commit: null,
    reason: expect.stringContaining(`revert ${bad} by hand`),
  });
});

test('a branch that was rewritten without it does not hold it', async () => {
  await (await factory.repositories.open(shop)).fetch();
  push('reset', '-q', '--hard', 'HEAD^');
  const head = commit('instead', { 'd.txt': 'd\n' });
  expect(await out()).toMatchObject({ commit: head, reason: 'the branch does not hold it any more' });
});

test('a refused branch gets it beside; where that is refused too, nothing is said to be there', async () => {
  const hook = join(root, String(nth), 'remote.git', 'hooks', 'update');
  const refuses = (ref: string) => {
    writeFileSync(hook, `#!/bin/sh\ncase $1 in ${ref}) exit 1;; esac\n`);
    chmodSync(hook, 0o755);
  };
  refuses('*');
  expect(await out()).toMatchObject({
    commit: null,
    ref: 'main',
    reason: expect.stringContaining('by hand'),
  });
  refuses('refs/heads/main');
  const beside = await out();
  expect(beside.ref).toBe(`millwright/revert-${bad.slice(0, 12)}`);
  git('fetch', '-q', 'origin', beside.ref);
  expect(git('rev-parse', 'FETCH_HEAD')).toBe(beside.commit);
});

test('a push whose answer was lost is found on the branch by the next try, never called refused', async () => {
  const hook = join(root, String(nth), 'remote.git', 'hooks', 'update');
  writeFileSync(hook, '#!/bin/sh\nkill -9 $PPID\n');
  chmodSync(hook, 0o755);
  await expect(out()).rejects.toMatchObject({ disposition: 'retryable' });
  writeFileSync(hook, '#!/bin/sh\ngit update-ref $1 $3; kill -9 $PPID\n');
  const lost = await out();
  expect(lost).toMatchObject({ ref: 'main', reason: 'reverted by a new commit' });
  expect(await out()).toMatchObject({ commit: lost.commit, reason: 'found on the branch' });
});
