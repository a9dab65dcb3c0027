import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { changesOf, readCases } from './cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'millwright-cases-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const GOOD = {
  'case.yaml': 'test: node hidden.js\n',
  'ticket.md': '# Do it\n',
  'repo/a.js': '',
  'hidden/hidden.js': '',
};
function given(name: string, files: Record<string, string | null>) {
  made += 1;
  const place = join(folder, String(made));
  for (const [path, text] of Object.entries({ ...GOOD, ...files })) {
    if (text === null) continue;
    mkdirSync(dirname(join(place, name, path)), { recursive: true });
    writeFileSync(join(place, name, path), text);
  }
  return readCases(place);
}

describe('a case', () => {
  it('is a folder with a ticket, a repository and hidden tests', () => {
    expect(given('adds', {})).toMatchObject({
      cases: [{ name: 'adds', ticket: '# Do it\n', test: 'node hidden.js', expect: 'merge' }],
      problems: [],
    });
  });
  it('needs no hidden tests where nothing should merge', () => {
    const { cases } = given('asks', { 'case.yaml': 'test: "true"\nexpect: ask\n', 'hidden/hidden.js': null });
    expect(cases).toMatchObject([{ expect: 'ask' }]);
  });
  it('is no folder of results, and holds no hidden file for a wrong change', () => {
    const { cases } = given('right', { 'wrong/.DS_Store': '', 'wrong/b/a.js': '', 'wrong/a/a.js': '' });
    const [one] = cases;
    if (one === undefined) throw new Error('no case');
    expect(changesOf(one)).toEqual([
      { files: join(one.folder, 'wrong/a'), right: false },
      { files: join(one.folder, 'wrong/b'), right: false },
    ]);
    const place = dirname(one.folder);
    mkdirSync(join(place, 'out/right'), { recursive: true });
    expect(readCases(place).problems).toEqual([expect.stringMatching(/case out: case\.yaml is missing/)]);
    expect(readCases(place, join(place, 'out')).problems).toEqual([]);
  });
  it.for<[string, Record<string, string | null>, RegExp]>([
    ['Two', {}, /a name has small letters/],
    ['two', { 'ticket.md': null }, /ticket\.md is missing/],
    ['two', { 'ticket.md': ' \n' }, /ticket\.md is empty/],
    ['two', { 'ticket.md': null, 'ticket.md/a': '' }, /ticket\.md is missing/],
    ['two', { 'repo/a.js': null }, /repo\/ is missing/],
    ['two', { 'repo/a.js': null, repo: '' }, /repo\/ is missing, or has no file/],
    ['two', { 'wrong/a.js': '' }, /wrong\/ has a folder for each wrong change/],
    ['two', { wrong: '' }, /wrong\/ has a folder for each wrong change/],
    ['two', { 'hidden/hidden.js': null, hidden: '' }, /no hidden tests/],
    ['two', { 'case.yaml': 'test: [' }, /case\.yaml cannot be read/],
    ['two', { 'case.yaml': 'expect: merge\n' }, /case\.yaml: .*test/s],
    ['two', { 'case.yaml': 'test: a\nexpects: ask\n' }, /case\.yaml: .*expects/s],
    ['two', { 'hidden/hidden.js': null }, /no hidden tests/],
    ['two', { 'case.yaml': 'test: a\nimage: ""\n' }, /case\.yaml: .*image/s],
    [
      'two',
      { 'case.yaml': 'test: a\nimage: b\n', 'repo/millwright.yaml': 'image: c\n' },
      /both name an image/,
    ],
  ])('called %s with %o is refused', ([name, files, why]) => {
    const { cases, problems } = given(name, files);
    expect(cases).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(why)]);
  });
});
