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

/** A factory whose one run goes through `states`, as `showRun` gives them one after the other. */
function following(...states: object[]): { context: Context; notes: string[] } {
  const notes: string[] = [];
  const answers: Record<string, () => unknown> = {
    addRepo: () => ({}),
    setStep: () => ({}),
    fileTicket: () => ({ id: 'tkt_1' }),
    showTicket: () => ({ runs: ['run_1'], question: null }),
    showRun: () => ({
      ...{ id: 'run_1', endedAt: null, reason: null, gates: [], stages: [], delivered: null, startedAt: 0 },
      ...{ usage: { usd: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 } },
      ...(states.length > 1 ? states.shift() : states[0]),
    }),
  };
  const client = { call: async (name: string) => ({ value: answers[name]?.() }) };
  return { notes, context: { client, note: (said: string) => notes.push(said) } as unknown as Context };
}

it('a run in which no model answered says nothing of the case, and is not kept', async () => {
  const one: Case = { ...given('no-key'), expect: 'refuse' };
  const paused = { state: 'waiting', reason: 'the budget factory is reached' };
  const dead = { state: 'failed', reason: 'the key is refused', endedAt: 1 };
  const { context, notes } = following(paused, paused, dead);
  await expect(runCase(context, one, { out, step: 7, data: work })).rejects.toThrow(
    /no model answered in run_1 \(the key is refused\).*run retry run_1/,
  );
  expect(existsSync(join(out, one.name, 'result.json'))).toBe(false);
  expect(notes).toEqual(['! case no-key: run_1 waits: the budget factory is reached']);
});
