import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bundleOf, copyOf, headOf, makeRemote } from './git.ts';

const work = mkdtempSync(join(tmpdir(), 'millwright-eval-git-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

it("copies one commit that a factory's copy of a repository keeps, without anything beside it, and says what is not there", () => {
  mkdirSync(join(work, 'files'));
  writeFileSync(join(work, 'files/a.js'), 'a\n');
  const clone = makeRemote(join(work, 'factory'), join(work, 'files'));
  const commit = headOf(clone);
  const git = (dir: string, ...args: string[]) => execFileSync('git', ['--git-dir', dir, ...args]).toString();
  const into = join(work, 'sent-back.git');
  expect(() => copyOf(clone, commit, into)).toThrow(/couldn't find remote ref refs\/millwright.*--data/);
  git(clone, 'update-ref', `refs/millwright/${commit}`, commit);
  expect(copyOf(clone, commit, into)).toBe(into);
  expect(git(into, 'show', `${commit}:a.js`)).toBe('a\n');
  expect(git(into, 'for-each-ref', '--format=%(refname)').trim()).toBe(`refs/millwright/${commit}`);
  const { bundle } = bundleOf(into, commit);
  expect(git(into, 'bundle', 'list-heads', bundle)).toContain('refs/snapshots/');
});
