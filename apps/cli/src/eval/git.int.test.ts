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

it("a case's image is named in the repository's own file, before what that says", () => {
  const files = join(work, 'with-image');
  mkdirSync(files);
  const configOf = (place: string, image?: string) =>
    execFileSync('git', [
      '--git-dir',
      makeRemote(join(work, place), files, image),
      'show',
      'main:millwright.yaml',
    ]);
  writeFileSync(join(files, 'a.js'), 'a\n');
  expect(String(configOf('new', 'node:22'))).toBe('image: "node:22"\n');
  writeFileSync(join(files, 'millwright.yaml'), 'test: npm test\n');
  expect(String(configOf('more', 'node:22'))).toBe('image: "node:22"\ntest: npm test\n');
  expect(String(configOf('none'))).toBe('test: npm test\n');
});
