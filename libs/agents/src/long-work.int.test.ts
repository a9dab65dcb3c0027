import { expect, test } from 'vitest';
import type { RequestLine } from './recorded/index.ts';
import { runRole } from './run-role.ts';
import { harness } from './testing/harness.ts';

// Work that is longer than any one conversation.

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
/** 30 kB a turn, each other than the one before. */
const LOUD = `"echo {{turn}} >> log.txt; head -c 29900 /dev/zero | tr '\\\\0' x; echo; wc -l < log.txt"`;
const WORKING = `role: implement\nrepeat: true\nhandover: Lines are in log.txt; go on adding.\nturns:\n  - think: On.\n    tools: [{ bash: ${LOUD} }]`;
/** In the conversation that begins after this many turns of the attempt, the work is done. */
const FINISHING = `role: implement\nwhen: { prompt: 'LAST' }\nturns:\n  - tools: [{ bash: 'wc -l < log.txt' }]\n  - tools: [${SUBMIT}]`;

const tokens = ({ usage }: RequestLine) =>
  usage === null ? 0 : usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
const sum = (lines: readonly RequestLine[], of: (line: RequestLine) => number) =>
  lines.reduce((total, line) => total + of(line), 0);

test('400 turns of 30 kB, killed ten times: bounded, linear, cached, and ended by its change', async () => {
  await using h = await harness(`${WORKING}\n---\n${FINISHING}`, { cap: 10_000 });
  const limits = { turns: 600, wallMs: 3_600_000, usd: 1_000 };
  const room = 250_000;
  let fence = 0;
  const run = () => {
    fence += 1;
    return runRole(h.options('implement', { fence }, { limits }));
  };
  for (let kill = 1; kill <= 10; kill += 1) {
    h.turns.dieAt = kill * 37;
    await expect(run()).rejects.toThrow('killed');
  }
  h.turns.dieAt = 401;
  await expect(run()).rejects.toThrow('killed');
  h.turns.dieAt = null;
  // The conversation that begins after turn 400 is told that this is the last.
  const told = { upTo: null, note: 'LAST', reason: 'test', model: 'recorded/implement' };
  h.turns.changes.push({ kind: 'handed_over', after: 400, ...told });
  const result = await run();
  expect(result).toMatchObject({ kind: 'submitted' });
  expect(result.turns).toBeGreaterThan(400);

  const paid = h.server.requests().filter((one) => one.paid);
  expect(h.server.requests().every((one) => one.status === 200)).toBe(true);
  expect(Math.max(...paid.map(tokens))).toBeLessThanOrEqual(room * 1.05);
  const cached = sum(paid, (one) => one.usage?.cache_read_input_tokens ?? 0) / sum(paid, tokens);
  console.info(
    `cached ${(cached * 100).toFixed(1)} %, changes ${h.turns.changes.length}, $${result.usage.usd.toFixed(2)}`,
  );
  expect(cached).toBeGreaterThanOrEqual(0.9);
  // Linear: the second hundred of turns costs what the fourth does.
  const cost = (from: number, to: number) =>
    h.turns.records.slice(from, to).reduce((total, { usage }) => total + usage.usd, 0);
  expect(cost(300, 400) / cost(100, 200)).toBeLessThan(1.2);
  // No recorded turn was paid for twice, but those that the kills forestalled.
  expect(paid.length - h.turns.records.length).toBeLessThanOrEqual(12);
});

test('a conversation of so many turns hands over to the next, which knows what was done and sees the same workspace', async () => {
  const first = `role: implement\nrepeat: true\nhandover: 'Two lines are written. Open: the third.'\nturns:\n  - tools: [{ bash: 'echo {{turn}} >> log.txt; wc -l < log.txt' }]`;
  const second = `role: implement\nwhen: { prompt: 'Open: the third' }\nturns:\n  - tools: [{ bash: 'wc -l < log.txt' }]\n  - expect: ['2']\n    tools: [${SUBMIT}]`;
  await using h = await harness(`${first}\n---\n${second}`);
  const settings = { conversationTurns: 2 };
  expect(await runRole(h.options('implement', { settings }))).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.turns.changes).toMatchObject([
    { kind: 'handed_over', after: 3, note: 'Two lines are written. Open: the third.' },
  ]);
  expect(h.turns.records[2]).toMatchObject({ action: 'hands over', handover: true });
});

test('killed between the turn that hands over and what the trail says of it, it is asked for again', async () => {
  const first = `role: implement\nrepeat: true\nhandover: 'Open: the rest.'\nturns:\n  - tools: [{ bash: 'echo {{turn}} >> log.txt; wc -l < log.txt' }]`;
  const second = `role: implement\nwhen: { prompt: 'Open: the rest' }\nturns:\n  - tools: [${SUBMIT}]`;
  await using h = await harness(`${first}\n---\n${second}`);
  const settings = { conversationTurns: 2 };
  const changed = h.turns.changed.bind(h.turns);
  h.turns.changed = async () => {
    throw new Error('killed');
  };
  await expect(runRole(h.options('implement', { settings }))).rejects.toThrow('killed');
  h.turns.changed = changed;
  const result = await runRole(h.options('implement', { settings, fence: 2 }));
  expect(result).toMatchObject({ kind: 'submitted', turns: 5 });
});

test('before the limit of its stage it is told to hand in what is whole', async () => {
  const turns = Array.from({ length: 7 }, (_, n) => `  - tools: [{ bash: 'echo ${n}' }]`);
  turns.push(`  - expect: ['3 turns left for this stage']\n    tools: [${SUBMIT}]`);
  await using h = await harness(`role: implement\nturns:\n${turns.join('\n')}`);
  const limits = { turns: 10, wallMs: 60_000, usd: 5 };
  expect(await runRole(h.options('implement', {}, { limits }))).toMatchObject({
    kind: 'submitted',
    turns: 8,
  });
});
