import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { usage } from '../fail.ts';
import type { Case } from './cases.ts';
import { runCase } from './run-case.ts';

const work = mkdtempSync(join(tmpdir(), 'millwright-run-case-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A factory that takes nothing: what is asked of it first is what the case came to. */
const asked: string[] = [];
const client = {
  call: async (name: string) => {
    asked.push(name);
    throw usage('it takes nothing');
  },
};
const context = { client, note: () => undefined } as unknown as Context;
const given = (name: string): Case => {
  const folder = join(work, 'cases', name);
  for (const part of ['repo', 'hidden', 'wrong/a']) {
    mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, part, 'a.js'), part);
  }
  return { name, folder, ticket: '# A\n', test: 'true', expect: 'merge' };
};
const out = join(work, 'out');

it('a case that tells nothing is not filed, and is tried anew once it was mended', async () => {
  const one = given('pass-on-base');
  const run = (judge: () => Promise<boolean>) => runCase(context, one, { out, step: 7, data: work, judge });
  expect(await run(async () => true)).toMatchObject({
    ...{ verdict: 'invalid', why: 'its hidden tests pass on the base', run: null, usd: 0 },
  });
  expect(asked).toEqual([]);
  expect(existsSync(join(out, one.name))).toBe(false);
  await expect(run(async () => false)).rejects.toThrow('it takes nothing');
  expect(asked).toEqual(['addRepo']);
});

it('a kept result that cannot be read is said, and what to do', async () => {
  const one = given('torn');
  mkdirSync(join(out, one.name), { recursive: true });
  writeFileSync(join(out, one.name, 'result.json'), '{"name": "torn"');
  const run = runCase(context, one, { out, step: 7, data: work, judge: async () => false });
  await expect(run).rejects.toThrow(/result\.json holds no result; remove it and run the same command again/);
});
