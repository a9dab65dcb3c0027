import { expect, test } from 'vitest';
import { AnthropicClient, type ModelClient } from './model/client.ts';
import type { RequestLine } from './recorded/index.ts';
import { runRole } from './run-role.ts';
import { harness } from './testing/harness.ts';
import { WORKING } from './testing/working.ts';

// Work that is longer than any one conversation.

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
/** In the conversation that begins after this many turns of the attempt, the work is done. */
const FINISHING = `role: implement\nwhen: { prompt: 'LAST' }\nturns:\n  - tools: [{ bash: 'wc -l < log.txt' }]\n  - tools: [${SUBMIT}]`;

const TOKEN = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');

const tokens = ({ usage }: RequestLine) =>
  usage === null ? 0 : usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
const sum = (lines: readonly RequestLine[], of: (line: RequestLine) => number) =>
  lines.reduce((total, line) => total + of(line), 0);

const OF_30_KB =
  'turns of 30 kB, killed every 37th, %s (%s, %i turns): bounded, linear, cached, ended by its change';
const of30kB = async ([_, model, all, kind]: readonly [string, string, number, string]) => {
  await using h = await harness(`${JSON.stringify(WORKING)}\n---\n${FINISHING}`, { cap: 10_000 });
  const limits = { turns: 600, wallMs: 3_600_000, usd: 1_000 };
  const room = 250_000;
  let fence = 0;
  const run = () => {
    fence += 1;
    return runRole(h.options('implement', { fence, models: [model] }, { limits }));
  };
  const kills = Math.floor(all / 37);
  for (const at of [...Array.from({ length: kills }, (_none, n) => (n + 1) * 37), all + 1]) {
    h.turns.dieAt = at;
    await expect(run()).rejects.toThrow('killed');
  }
  h.turns.dieAt = null;
  // The conversation that begins after those turns is told that this is the last.
  const told = { upTo: null, note: 'LAST', reason: 'test', model };
  h.turns.changes.push({ kind: 'handed_over', after: all, ...told });
  const result = await run();
  expect(result).toMatchObject({ kind: 'submitted' });
  expect(result.turns).toBeGreaterThan(all);

  const paid = h.server.requests().filter((one) => one.paid);
  expect(h.server.requests().every((one) => one.status === 200)).toBe(true);
  expect(h.turns.changes.slice(0, -1).map((one) => one.kind)).toContain(kind);
  expect(Math.max(...paid.map(tokens))).toBeLessThanOrEqual(room * 1.05);
  const cached = sum(paid, (one) => one.usage?.cache_read_input_tokens ?? 0) / sum(paid, tokens);
  console.info(
    `${model}: cached ${(cached * 100).toFixed(1)} %, changes ${h.turns.changes.length}, $${result.usage.usd.toFixed(2)}`,
  );
  expect(cached).toBeGreaterThanOrEqual(0.9);
  // Linear: the second half of the turns costs what the first does, in which the room fills; quadratic, it would be three times that.
  const cost = (from: number, to: number) =>
    h.turns.records.slice(from, to).reduce((total, { usage }) => total + usage.usd, 0);
  expect(cost(all / 2, all) / cost(0, all / 2)).toBeLessThan(all < 400 ? 1.5 : 1.2);
  // No recorded turn was paid for twice, but those that the kills forestalled.
  expect(paid.length - h.turns.records.length).toBeLessThanOrEqual(kills + 2);
};
test.for([
  ['by our own means', 'recorded/implement', 150, 'put_aside'],
  ['by a summary of the API', 'claude-opus-5-5', 80, 'handed_over'],
] as const)(OF_30_KB, of30kB);
test.for([
  ['by our own means', 'recorded/implement', 400, 'put_aside'],
  ['by a summary of the API', 'claude-opus-5-5', 160, 'handed_over'],
] as const)(OF_30_KB, { tags: ['long'] }, of30kB);

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

test('work that fills all conversations of its stage is left as unfinished, with what was handed over last; resumed, it is the same', async () => {
  const script = `role: implement\nrepeat: true\nhandover: 'Open: the rest.'\nturns:\n  - tools: [{ bash: 'echo {{turn}} >> log.txt; wc -l < log.txt' }]`;
  await using h = await harness(script);
  const limits = { turns: 100, wallMs: 60_000, usd: 5, conversations: 2 };
  const run = () => runRole(h.options('implement', { settings: { conversationTurns: 2 } }, { limits }));
  const left = await run();
  expect(left).toMatchObject({
    kind: 'submitted',
    submission: {
      summary: "the stage's limit of 2 conversations is reached (MILLWRIGHT_STAGE_CONVERSATIONS)",
      unfinished: expect.stringMatching(/Open: the rest\.[\s\S]*echo/),
    },
    turns: 6,
  });
  expect(await run()).toEqual(left);
});

const summing = (more = '') =>
  `role: implement\nrepeat: true\nhandover: 'Two lines are written with ${TOKEN}. Open: the third.'\n${more}turns:\n  - think: On.\n    tools: [{ bash: 'echo {{turn}} >> log.txt; wc -l < log.txt' }]\n---\nrole: implement\nwhen: { prompt: 'Open: the third' }\nturns:\n  - think: I see.\n    tools: [{ bash: 'wc -l < log.txt' }]\n  - expect: ['2']\n    tools: [${SUBMIT}]`;
const SHORT = { models: ['claude-opus-5-5'], settings: { conversationTurns: 2 } };

test('where the model has it the API sums up: its summary goes back as it came, is paid as it was billed, and kept masked', async () => {
  await using h = await harness(summing());
  expect(await runRole(h.options('implement', SHORT))).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.turns.changes).toMatchObject([
    {
      kind: 'handed_over',
      after: 3,
      note: 'Two lines are written with [masked: GitHub token]. Open: the third.',
    },
  ]);
  expect(h.server.requests().every((one) => one.status === 200 && one.thinkingDropped === 0)).toBe(true);
  expect(h.turns.records[2]).toMatchObject({ action: 'sums up', handover: true });
  expect(h.turns.records[2]?.usage.cacheReadTokens).toBeGreaterThan(0);
  expect(h.turns.records[2]?.usage.usd).toBeGreaterThan(0);
  expect(JSON.stringify(h.turns.records)).not.toContain(TOKEN);
});

test('killed after it, the next one goes on with the text of the summary', async () => {
  await using h = await harness(summing());
  h.turns.dieAt = 5;
  await expect(runRole(h.options('implement', SHORT))).rejects.toThrow('killed');
  h.turns.dieAt = null;
  const result = await runRole(h.options('implement', { ...SHORT, fence: 2 }));
  expect(result).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.turns.changes.map(({ kind }) => kind)).toEqual(['handed_over', 'thinking_dropped']);
});

test.each<[string, string, string | null]>([
  ['the API gives no summary', 'summarizes: false\n', null],
  ['the endpoint has nothing of the kind', '', 'compaction: Extra inputs are not permitted'],
])('%s: the conversation hands over by itself', async (_, more, refusal) => {
  await using h = await harness(summing(more));
  const client = new AnthropicClient({ apiKey: 'k', baseUrl: h.server.url });
  let refused = 0;
  const old: ModelClient = {
    check: client.check.bind(client),
    call: async (request, signal) => {
      if (request.compaction === undefined || refusal === null) return client.call(request, signal);
      refused += 1;
      return { kind: 'failed', failure: { kind: 'request', spent: 'nothing', detail: refusal } };
    },
  };
  expect(await runRole(h.options('implement', { ...SHORT, client: old }))).toMatchObject({
    kind: 'submitted',
  });
  expect(h.turns.changes.at(-1)).toMatchObject({ kind: 'handed_over' });
  expect(h.turns.records.filter(({ action }) => action === 'hands over')).toHaveLength(1);
  expect(refused).toBe(refusal === null ? 0 : 1);
});

test('a summary that the API does not know as its own is replaced by its text, once, and that is said', async () => {
  await using h = await harness(summing());
  const client = new AnthropicClient({ apiKey: 'k', baseUrl: h.server.url });
  const forgetful: ModelClient = {
    check: client.check.bind(client),
    call: (request, signal) =>
      client.call(
        JSON.parse(JSON.stringify(request).replaceAll('compaction~', 'other~')) as typeof request,
        signal,
      ),
  };
  const result = await runRole(h.options('implement', { ...SHORT, client: forgetful }));
  expect(result).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.turns.changes).toMatchObject([
    { kind: 'handed_over' },
    { kind: 'thinking_dropped', reason: expect.stringContaining('does not verify') },
  ]);
});
