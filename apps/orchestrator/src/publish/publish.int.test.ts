import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../source-control/repository.ts';
import { branchOf, fileAt } from './places.ts';
import { publish } from './publish.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millwright-publish-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const clock = {
  now: () => Date.now(),
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new Error('stopped'));
      });
    }),
};

test('the newest checkpoint is in the file, and each in a commit on the branch, onto the one before', async () => {
  git('init', '-q', '--bare', '-b', 'main', 'remote.git');
  const remote = join(root, 'remote.git');
  const open = (name: string) => Repository.open(join(root, name), 'shop', remote, 'main', async () => null);
  const repository = await open('ours');
  const path = join(root, 'checkpoint');
  const troubles: unknown[] = [];
  let size = 3;
  const publishing = publish({
    checkpoints: () => ({
      after: async (than) =>
        size > than ? { size, note: `a note of ${size}\n`, at: 1_700_000_000_000 } : null,
    }),
    places: [
      fileAt(join(root, 'no', 'such', 'folder')),
      fileAt(path),
      branchOf(async () => repository, 'trail'),
    ],
    everyMs: 10,
    clock,
    log: { warn: (fields: object) => void troubles.push(fields) },
  });
  const onBranch = () => {
    try {
      return git('--git-dir', remote, 'log', '--format=%s', 'trail').split('\n');
    } catch {
      return [];
    }
  };
  await expect.poll(onBranch).toEqual(['Checkpoint of 3 entries']);
  size = 7;
  await expect.poll(onBranch).toEqual(['Checkpoint of 7 entries', 'Checkpoint of 3 entries']);
  await publishing.stop();
  expect(readFileSync(path, 'utf8')).toBe('a note of 7\n');
  expect(await fileAt(path).latest()).toBe('a note of 7\n');
  expect(await fileAt(join(root, 'none')).latest()).toBeNull();
  expect(await branchOf(async () => repository, 'trail').latest()).toBe('a note of 7\n');
  expect(await branchOf(async () => repository, 'no-such').latest()).toBeNull();
  expect(readdirSync(root)).not.toContain('checkpoint.part');
  expect(git('--git-dir', remote, 'show', 'trail:checkpoint')).toBe('a note of 7');
  // A place that fails is named, and keeps nothing from the others.
  expect(troubles).toEqual(
    Array(2).fill(expect.objectContaining({ place: `file ${join(root, 'no', 'such', 'folder')}` })),
  );
});

test('a newer checkpoint that is there is never replaced by an older one', async () => {
  const path = join(root, 'checkpoint');
  const note = (size: number) => `millwright.local/fac\n${size}\n${'A'.repeat(43)}=\n\n— key AAAAAAAA\n`;
  writeFileSync(path, note(9));
  const troubles: unknown[] = [];
  let size = 3;
  const publishing = publish({
    checkpoints: () => ({ after: async (than) => (size > than ? { size, note: note(size), at: 1 } : null) }),
    places: [fileAt(path)],
    everyMs: 1,
    clock,
    log: { warn: (fields: object) => void troubles.push(fields) },
  });
  await expect
    .poll(() => troubles)
    .toMatchObject([{ err: { message: expect.stringContaining('9 entries is there') } }]);
  expect(readFileSync(path, 'utf8')).toBe(note(9));
  size = 10;
  await expect.poll(() => readFileSync(path, 'utf8')).toBe(note(10));
  await publishing.stop();
});

test('a branch that somebody else has moved is left as it is', async () => {
  git('init', '-q', '--bare', '-b', 'main', 'remote.git');
  git('clone', '-q', 'remote.git', 'theirs');
  writeFileSync(join(root, 'theirs', 'x'), 'x');
  for (const args of [
    ['checkout', '-q', '-b', 'trail'],
    ['add', '-A'],
    ['-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'theirs'],
    ['push', '-q', 'origin', 'trail'],
  ])
    git('-C', 'theirs', ...args);
  const repository = await Repository.open(
    join(root, 'ours'),
    'shop',
    join(root, 'remote.git'),
    'main',
    async () => null,
  );
  const place = branchOf(async () => repository, 'trail');
  // Read, and still not ours.
  expect(await place.latest()).toBeNull();
  await expect(place.put('a note\n', 1, 0)).rejects.toMatchObject({ code: 'branch-not-ours' });
  expect(git('--git-dir', 'remote.git', 'log', '-1', '--format=%s', 'trail')).toBe('theirs');
});
