import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { changesOf, readCases } from './cases.ts';
import { importCases } from './import.ts';

const work = mkdtempSync(join(tmpdir(), 'millwright-import-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(work, path)), { recursive: true });
  writeFileSync(join(work, path), text);
};
const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd,
    encoding: 'utf8',
  });

/** Whether a case's hidden tests pass, with these folders of it over its repository. */
let tries = 0;
function passes(folder: string, command: string, ...over: string[]): boolean {
  tries += 1;
  const place = join(work, `try-${tries}`);
  for (const part of ['repo', ...over]) cpSync(join(folder, part), place, { recursive: true });
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const PATH = `${dirname(process.execPath)}:${env.PATH}`;
  try {
    execFileSync('sh', ['-c', command], { cwd: place, env: { ...env, PATH }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('makes cases of SWE-bench-like rows that have a clone, tests and patches that apply, and says what is wrong with the others', () => {
  const clone = join(work, 'ada__sum');
  write('ada__sum/sum.js', 'exports.add = (a, b) => a - b;\n');
  git(clone, 'init', '-q', '-b', 'main');
  git(clone, 'add', '-A');
  git(clone, 'commit', '-qm', 'first');
  const base_commit = git(clone, 'rev-parse', 'HEAD').trim();
  const patchOf = (path: string, text: string) => {
    write(join('ada__sum', path), text);
    git(clone, 'add', '-A');
    const patch = git(clone, 'diff', '--cached');
    git(clone, 'reset', '-q', '--hard');
    return patch;
  };
  const row = {
    ...{
      instance_id: 'ada__sum-7',
      repo: 'ada/sum',
      base_commit,
      problem_statement: 'Adding subtracts\n\nIt should add.',
    },
    patch: patchOf('sum.js', 'exports.add = (a, b) => a + b;\n'),
    test_patch: patchOf(
      'test/sum.test.js',
      "require('node:test')('adds', () => require('node:assert').equal(require('../sum.js').add(2, 3), 5));\n",
    ),
    ...{ FAIL_TO_PASS: '["adds"]', PASS_TO_PASS: [], test_command: 'node --test test/sum.test.js' },
  };
  const { test_command: _, ...silent } = row;
  const lines = [
    row,
    { ...row, instance_id: 'untested', FAIL_TO_PASS: [] },
    { ...row, instance_id: 'elsewhere', repo: 'bob/gone' },
    { ...row, instance_id: 'other-base', patch: row.patch.replace('a - b', 'a * b') },
    { ...silent, instance_id: 'silent' },
    { ...row, instance_id: 'no-test-files', test_patch: '' },
    { ...row, patch: undefined, base_commit: undefined },
    [row],
    { ...row, FAIL_TO_PASS: 'adds' },
    { ...row, base_commit: '0'.repeat(40) },
    { ...row, instance_id: '__' },
    { ...row, problem_statement: ' ' },
    row,
  ];
  write('bench.jsonl', `\uFEFF${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"half\n`);
  const into = join(work, 'rows');
  const { made, problems } = importCases(join(work, 'bench.jsonl'), into, { repos: work });
  expect(made).toEqual(['ada-sum-7']);
  expect(problems).toEqual([
    expect.stringMatching(/row 2: FAIL_TO_PASS names no test/),
    expect.stringMatching(/row 3: there is no clone of bob\/gone: git clone it as .*bob__gone/),
    expect.stringMatching(/row 4: patch does not go onto [0-9a-f]{12}: error: patch failed: sum\.js/),
    expect.stringMatching(/row 5: it has no test_command.*give --test/),
    expect.stringMatching(/row 6: it has no tests/),
    'bench.jsonl, row 7: base_commit is missing; patch is missing',
    expect.stringMatching(/row 8: it: .*expected object/),
    expect.stringMatching(/row 9: FAIL_TO_PASS: neither a list nor a text that holds one as JSON/),
    expect.stringMatching(
      /row 10: .*ada__sum\/\.git has no commit 0{40}: git --git-dir .* fetch origin 0{40}/,
    ),
    expect.stringMatching(/row 11: its name has no letter and no digit/),
    expect.stringMatching(/row 12: problem_statement: it is empty/),
    expect.stringMatching(/row 13: .*ada-sum-7 is there already/),
    expect.stringMatching(/row 14: it is no JSON/),
  ]);
  write('bench.json', JSON.stringify([row], null, 1));
  expect(() => importCases(join(work, 'bench.json'), into, { repos: work })).toThrow(
    /one list, where a \.jsonl/,
  );
  const { cases } = readCases(into);
  expect(cases).toMatchObject([
    { name: 'ada-sum-7', expect: 'merge', ticket: expect.stringMatching(/^# Adding subtracts\n/) },
  ]);
  const [one] = cases;
  if (one === undefined) throw new Error('no case');
  expect(passes(one.folder, one.test, 'hidden')).toBe(false);
  expect(passes(one.folder, one.test, 'solution', 'hidden')).toBe(true);
});

it('makes cases of exercises: the stub without its tests, which are all on, and the example as a solution', () => {
  const meta = { files: { solution: ['leap.js'], test: ['leap.test.js'], example: ['.meta/proof.js'] } };
  const at = (path: string, text: string) => write(join('track/exercises/practice', path), text);
  at('leap/.meta/config.json', JSON.stringify(meta));
  at('leap/.meta/proof.js', 'exports.leap = (y) => y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0);\n');
  at('leap/.docs/instructions.md', 'Is a year a leap year?\n');
  at('leap/leap.js', 'exports.leap = (y) => y % 4 === 0;\n');
  at(
    'leap/leap.test.js',
    "const { test } = require('node:test'); const xtest = test.skip; const assert = require('node:assert');\nconst { leap } = require('./leap.js');\ntest('4', () => assert(leap(1996)));\nxtest('100', () => assert(!leap(1900)));\n",
  );
  at('bare/.meta/config.json', JSON.stringify({ files: { solution: ['a.js'] } }));
  at('bare/.docs/instructions.md', 'Do it.\n');
  at('mute/.meta/config.json', JSON.stringify(meta));
  at('broken/.meta/config.json', '{"files":');
  at('other/.meta/config.json', '{}');
  at('lost/.meta/config.json', JSON.stringify(meta));
  at('lost/.docs/instructions.md', 'Do it.\n');
  const out = {
    files: { solution: ['../leap/a.js'], test: ['../leap/leap.test.js'], example: ['/proof.js'] },
  };
  at('out/.meta/config.json', JSON.stringify(out));
  const { example: _, ...without } = meta.files;
  at('no-example/.meta/config.json', JSON.stringify({ files: without }));
  for (const path of ['.docs/instructions.md', 'leap.js', 'leap.test.js'])
    at(`no-example/${path}`, readFileSync(join(work, 'track/exercises/practice/leap', path), 'utf8'));
  const into = join(work, 'exercises');
  const { made, problems } = importCases(join(work, 'track'), into, { repos: work });
  expect(made).toEqual(['leap', 'no-example']);
  expect(problems).toEqual([
    'bare: it has no tests',
    expect.stringMatching(/^broken: \.meta\/config\.json is no JSON/),
    'lost: leap.test.js is missing, and .meta/config.json names it',
    expect.stringMatching(/^mute: \.docs\/instructions\.md is missing/),
    'other: files is missing',
    expect.stringMatching(
      /^out: .*solution\.0: it leads out.*test\.0: it leads out.*example\.0: it leads out/,
    ),
  ]);
  const [one, exampleless] = readCases(into).cases;
  expect(exampleless && changesOf(exampleless)).toEqual([]);
  if (one === undefined) throw new Error('no case');
  expect(passes(one.folder, one.test)).toBe(false);
  expect(passes(one.folder, one.test, 'hidden')).toBe(false);
  expect(passes(one.folder, one.test, 'solution', 'hidden')).toBe(true);
});
