import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { readCases } from './cases.ts';

// The cases that ship: each suite passes on its base; hidden tests fail on it, pass on a right change, and fail on wrong ones.

const CASES = join(dirname(fileURLToPath(import.meta.url)), '../../../../examples/eval');
const work = mkdtempSync(join(tmpdir(), 'millwright-eval-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const { cases, problems } = readCases(CASES);
let made = 0;

/** Whether a command ends well on a case's repository with these folders of the case laid over it. */
function endsWell(folder: string, command: string, ...over: string[]): Promise<boolean> {
  made += 1;
  const place = join(work, String(made));
  for (const part of ['repo', ...over]) cpSync(join(folder, part), place, { recursive: true });
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return new Promise((resolve) => {
    const options = {
      cwd: place,
      timeout: 60_000,
      env: { ...env, PATH: `${dirname(process.execPath)}:${env.PATH}` },
    };
    execFile('sh', ['-c', command], options, (error) => resolve(error === null));
  });
}

it('are twelve, and all can be read', () => {
  expect(problems).toEqual([]);
  expect(cases).toHaveLength(12);
});

it.each(cases)('$name has a suite that passes on its base', async ({ folder }) => {
  expect(await endsWell(folder, 'node --test')).toBe(true);
});

it.each(cases.filter((one) => one.expect === 'merge'))(
  '$name has hidden tests that tell a right change from the base and from wrong ones',
  async ({ folder, test }) => {
    expect(await endsWell(folder, test, 'hidden')).toBe(false);
    expect(await endsWell(folder, `node --test && ${test}`, 'solution', 'hidden')).toBe(true);
    const wrong = readdirSync(join(folder, 'wrong'));
    expect(wrong).not.toEqual([]);
    for (const name of wrong) {
      expect(await endsWell(folder, test, join('wrong', name), 'hidden'), name).toBe(false);
      expect(await endsWell(folder, 'node --test', join('wrong', name)), `${name}: its own suite`).toBe(true);
    }
  },
);
