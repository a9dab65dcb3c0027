import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { Fail } from '../fail.ts';
import { evaluate } from './eval.ts';

const work = mkdtempSync(join(tmpdir(), 'millwright-eval-command-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
for (const path of ['cases/one/repo/a.js', 'cases/one/hidden/a.js', 'file', 'empty/a/b', 'list.jsonl']) {
  mkdirSync(dirname(join(work, path)), { recursive: true });
  writeFileSync(join(work, path), '\n');
}
writeFileSync(join(work, 'cases/one/case.yaml'), 'test: node a.js\n');
writeFileSync(join(work, 'cases/one/ticket.md'), '# A\n');

const away = new Fail({ code: 'unreachable', message: 'cannot reach the factory', exitCode: 3 });
const client = { call: () => Promise.reject(away) };
const context = { client, note: () => undefined } as unknown as Context;

it.for<[folder: string, options: Record<string, string>, what: RegExp, next: RegExp, exitCode: number]>([
  ['none', {}, /there is no folder/, /docs\/eval\.md/, 2],
  ['file', {}, /is no folder/, /docs\/eval\.md/, 2],
  ['file', { import: 'list.jsonl' }, /is no folder/, /docs\/eval\.md/, 2],
  ['into', { import: 'list.jsonl' }, /holds no row and no exercise/, /docs\/eval\.md/, 2],
  ['into', { import: 'none' }, /there is nothing at/, /docs\/eval\.md/, 2],
  ['empty', {}, /holds no case/, /docs\/eval\.md/, 2],
  ['cases/one', {}, /is a case itself/, /^\.\/millwright eval .*cases$/, 2],
  ['cases', { out: 'file' }, /is no folder/, /--out/, 2],
  ['cases', { against: 'empty' }, /holds no results/, /that an evaluation wrote/, 2],
  ['cases', { out: 'out' }, /cannot reach the factory/, /^$/, 3],
])(
  'eval %s with %o says what is wrong, and ends before anything is paid',
  async ([folder, given, what, next, exitCode]) => {
    const options = Object.fromEntries(Object.entries(given).map(([name, path]) => [name, join(work, path)]));
    const error = await evaluate(context, [join(work, folder)], options).catch((thrown: unknown) => thrown);
    if (!(error instanceof Fail)) throw error;
    expect(error.problem.message).toMatch(what);
    expect(error.problem.next ?? '').toMatch(next);
    expect(error.problem.exitCode).toBe(exitCode);
  },
);
