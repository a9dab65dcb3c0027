import { Role } from '@millwright/domain';
import { expect, test } from 'vitest';
import { Breaker } from './model/breaker.ts';
import { AnthropicClient } from './model/client.ts';
import { runRole } from './run-role.ts';
import { FakeClock } from './testing/doubles.ts';
import { harness } from './testing/harness.ts';

// THREATS.md 12–16, each against the recorded model over its real wire.

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
const script = (turns: string, more = '') => `role: implement\n${more}\nturns:\n${turns}`;

test('12: a 429 is waited for exactly as long as it asks', async () => {
  await using h = await harness(
    script(`  - tools: [${SUBMIT}]\n    fault: { status: 429, retryAfter: 3, times: 2 }`),
  );
  const clock = new FakeClock();
  const result = await runRole(h.options('implement', { clock, breaker: new Breaker(clock) }));
  expect(result.kind).toBe('submitted');
  expect(clock.sleeps).toEqual([3_000, 3_000]);
  expect(h.server.requests().map((one) => one.status)).toEqual([429, 429, 200]);
});

test('12: a 429 that asks for longer than an attempt should wait ends as unavailable, saying when', async () => {
  await using h = await harness(
    script(`  - tools: [${SUBMIT}]\n    fault: { status: 429, retryAfter: 600, times: 2 }`),
  );
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'unavailable',
    code: 'rate_limited',
    retryable: true,
    retryAfterMs: 600_000,
  });
  expect(h.budget.spent).toBe(0);
});

test('12: a 529 storm is backed off from, opens the breaker, ends, and costs nothing', async () => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]\n    fault: { status: 529, times: 100 }`));
  const clock = new FakeClock();
  const breaker = new Breaker(clock, { after: 3, coolMs: 7_000 });
  const retry = { tries: 6, baseMs: 100, maxMs: 400, maxRetryAfterMs: 1_000 };
  const result = await runRole(
    h.options('implement', { clock, breaker, chance: () => 0.5, settings: { retry } }),
  );
  expect(result).toMatchObject({ kind: 'unavailable', code: 'overloaded', retryable: true });
  expect(result.kind === 'unavailable' ? result.detail : '').toMatch(/asked 6 times/);
  expect(h.server.requests()).toHaveLength(6);
  expect(clock.sleeps.filter((ms) => ms < 1_000)).toEqual([75, 150, 300, 300, 300]);
  expect(clock.sleeps.filter((ms) => ms > 1_000).length).toBeGreaterThanOrEqual(3);
  expect(h.budget.spent).toBe(0);
});

test.each([
  ['500', '{ status: 500 }', 'nothing'],
  ['a hang-up before the first byte', '{ hangup: 0 }', 'worst case'],
  ['a hang-up in the middle of a tool call', '{ hangup: 700 }', 'worst case'],
  ['a hang-up just before the end', '{ hangup: 1080 }', 'worst case'],
  ['an error event after 200', '{ errorEvent: overloaded_error }', 'worst case'],
  ['a stall', '{ stall: 30000 }', 'worst case'],
])('13: %s: nothing of it is run, the turn is asked for again', async (_, fault, settled) => {
  const first = `  - tools: [{ bash: 'echo run >> runs.txt' }]\n    fault: ${fault}\n`;
  await using h = await harness(script(`${first}  - tools: [${SUBMIT}]`), { stallMs: 5_000 });
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 2 });
  expect(h.workspace.commands).toEqual(['echo run >> runs.txt']);
  const settledAt = [...h.budget.held.values()].map((one) =>
    one.settled === one.reserved ? 'worst case' : one.settled === 0 ? 'nothing' : 'used',
  );
  expect(settledAt).toEqual([settled, 'used', 'used']);
  expect(h.budget.spent).toBeCloseTo(result.usage.usd, 10);
});

test('14: unknown tools, bad arguments, __proto__ and malformed JSON go back as errors; the model can go on', async () => {
  const turns = [
    '  - tools: [{ call: { name: launch_missiles, input: {} } }]',
    "  - expect: ['there is no tool launch_missiles']\n    tools: [{ call: { name: bash, input: { command: 7 } } }]",
    `  - expect: ['expected string']\n    tools: [{ call: { name: bash, json: '{"command":"ls","__proto__":{"polluted":true}}' } }]`,
    "  - expect: ['Unrecognized key']\n    tools: [{ bash: 'echo never' }]\n    fault: { malformed: true }",
    `  - expect: ['not JSON']\n    tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.workspace.commands).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('14: ten megabytes of arguments are refused, not kept, not sent back', async () => {
  const turns = `  - tools: [{ edit: { command: create, path: a, file_text: x } }]\n    fault: { huge: 10485760 }\n  - expect: ['bytes; 1048576 at most']\n    tools: [${SUBMIT}]`;
  await using h = await harness(script(turns));
  const result = await runRole(h.options('implement'));
  expect(result.kind).toBe('submitted');
  expect(await h.workspace.read('a', 10)).toEqual({ kind: 'absent' });
  expect(JSON.stringify(h.turns.records).length).toBeLessThan(20_000);
  expect(Math.max(...h.server.requests().map((one) => one.bytes))).toBeLessThan(20_000);
});

test('14: two megabytes of output reach neither model nor record', async () => {
  const turns = `  - tools: [{ bash: "head -c 2000000 /dev/zero | tr '\\\\0' x; echo; echo the end" }]\n  - expect: ['more characters were cut here', 'the end$']\n    tools: [${SUBMIT}]`;
  await using h = await harness(script(turns));
  const result = await runRole(h.options('implement'));
  expect(result.kind).toBe('submitted');
  expect(JSON.stringify(h.turns.records).length).toBeLessThan(40_000);
});

test.each([
  [
    'the same call again and again',
    "[{ bash: 'echo same' }]",
    /the same call with the same result, 3 times: bash/,
    6,
  ],
  [
    'two calls in turn',
    "[{ bash: 'echo a' }, { bash: 'echo b' }]",
    /the same 2 calls .*: bash .*a.* → bash .*b/,
    4,
  ],
  ['talk without a call', '[]', /ended its turn 3 times without submit_change/, 6],
])(
  '15: %s, in a new conversation too, is stopped as stuck, with the pattern named',
  async (_, tools, pattern, turns) => {
    await using h = await harness(script(`  - tools: ${tools}`, 'repeat: true'));
    const result = await runRole(h.options('implement'));
    expect(result).toMatchObject({ kind: 'stopped', code: 'stuck', turns });
    expect(result.kind === 'stopped' ? result.detail : '').toMatch(pattern);
  },
);

const ENDLESS = script("  - tools: [{ bash: 'echo turn {{turn}}' }]", 'repeat: true');

const leaves = (why: RegExp) => ({
  kind: 'submitted',
  submission: {
    summary: expect.stringMatching(why),
    unfinished: expect.stringContaining('bash echo turn 6'),
  },
});

test('15: an endless loop that always shows something new is stopped by turns; what it did is left as unfinished', async () => {
  await using h = await harness(ENDLESS);
  const result = await runRole(h.options('implement', {}, { limits: { turns: 7, wallMs: 60_000, usd: 5 } }));
  expect(result).toMatchObject({
    ...leaves(/limit of 7 turns is reached \(MILLWRIGHT_STAGE_TURNS\)/),
    turns: 7,
  });
});

test('15: … by its own money, never over it', async () => {
  await using h = await harness(ENDLESS);
  const result = await runRole(
    h.options('implement', {}, { limits: { turns: 100, wallMs: 60_000, usd: 0.0192 } }),
  );
  expect(result).toMatchObject(
    leaves(/limit of \$0.0192 is reached \(MILLWRIGHT_STAGE_USD\): a call may cost/),
  );
  expect(result.turns).toBeGreaterThan(0);
  expect(h.budget.spent).toBeLessThanOrEqual(0.0192);
});

test('15: … by the budget, naming the scope', async () => {
  await using h = await harness(ENDLESS, { cap: 0.0192 });
  const result = await runRole(
    h.options('implement', {}, { limits: { turns: 100, wallMs: 60_000, usd: 5 } }),
  );
  expect(result).toMatchObject({
    kind: 'paused',
    scope: 'factory',
    detail: expect.stringContaining('budget of factory'),
  });
  expect(h.turns.lostTurns.at(-1)).toEqual([result.turns + 1, expect.stringContaining('budget of factory')]);
  expect(h.budget.spent).toBeLessThanOrEqual(0.0192);
});

test('15: … by time, in the middle of a command', async () => {
  await using h = await harness(script("  - tools: [{ bash: 'sleep 30' }]"));
  const result = await runRole(h.options('implement', {}, { limits: { turns: 9, wallMs: 300, usd: 5 } }));
  expect(result).toMatchObject({ kind: 'stopped', code: 'time', turns: 0 });
});

test('15: a command that never ends is stopped and the model told', async () => {
  await using h = await harness(
    script(
      `  - tools: [{ bash: 'echo begun; sleep 30' }]\n  - expect: [begun, 'stopped after']\n    tools: [${SUBMIT}]`,
    ),
  );
  const result = await runRole(h.options('implement', { settings: { bashTimeoutMs: 200 } }));
  expect(result.kind).toBe('submitted');
});

const FOREIGN = {
  plan: 'submit_review',
  implement: 'submit_plan',
  review: 'submit_change',
  test: 'submit_release',
  deploy: 'submit_tests',
};

test.each(Role.options)(
  "16: %s cannot submit another role's artifact; trying on is stopped",
  async (role) => {
    const name = FOREIGN[role];
    await using h = await harness(
      `role: ${role}\nrepeat: true\nturns:\n  - tools: [{ call: { name: ${name}, input: { n: '{{turn}}' } } }]`,
    );
    const result = await runRole(h.options(role));
    expect(result).toMatchObject({ kind: 'stopped', code: 'schema', turns: 8 });
    expect(result.kind === 'stopped' ? result.detail : '').toContain(`${name} belongs to another role`);
  },
);

test('16: two submits in one turn are both refused; one alone is taken', async () => {
  await using h = await harness(
    script(`  - tools: [${SUBMIT}, ${SUBMIT}]\n  - expect: ['submit once']\n    tools: [${SUBMIT}]`),
  );
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 2 });
});

test('16: a submit beside a call that failed is refused; what comes after a submit is not run', async () => {
  const turns = `  - tools: [{ bash: exit 3 }, ${SUBMIT}]\n  - expect: ['exit code 3', 'a call before it in this turn failed']\n    tools: [${SUBMIT}, { bash: echo late }]`;
  await using h = await harness(script(turns));
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 2 });
  expect(h.workspace.commands).toEqual(['exit 3']);
});

test('a submit off its schema goes back three times, in a new conversation too, then the attempt stops', async () => {
  await using h = await harness(script('  - tools: [{ submit: { summary: 7 } }]', 'repeat: true'));
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'stopped',
    code: 'schema',
    turns: 8,
    detail: expect.stringContaining('at summary'),
  });
});

test.each([
  ['a wrong key', { key: 'right' }, /invalid x-api-key.*ANTHROPIC_API_KEY.*ANTHROPIC_BASE_URL/, 'auth'],
  ['a model that is not there', {}, /MILLWRIGHT_MODEL_/, 'model'],
])('%s ends at once with what to check, and never the key', async (_, given, detail, code) => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]`), given);
  const model = code === 'model' ? 'recorded/No Such' : 'recorded/implement';
  const result = await runRole(h.options('implement', { models: [model] }));
  expect(result).toMatchObject({ kind: 'unavailable', code, retryable: false });
  expect(JSON.stringify(result)).toMatch(detail);
  expect(JSON.stringify(result)).not.toContain('test-key');
  expect(h.server.requests()).toHaveLength(1);
});

test('an endpoint that is not there is asked again, then named', async () => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]`));
  const gone = await harness(script(`  - tools: [${SUBMIT}]`));
  await gone[Symbol.asyncDispose]();
  const client = new AnthropicClient({ apiKey: 'test-key', baseUrl: gone.server.url });
  const result = await runRole(h.options('implement', { client }));
  expect(result).toMatchObject({ kind: 'unavailable', code: 'connection', retryable: true });
  expect(JSON.stringify(result)).toContain(`cannot reach the model at ${gone.server.url} (ECONNREFUSED)`);
  expect(h.budget.spent).toBe(0);
});

test('without a key or a base URL that is one, nobody is even asked; a model without a price is refused', async () => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]`));
  const keyless = new AnthropicClient({ apiKey: null });
  expect(await runRole(h.options('implement', { client: keyless }))).toMatchObject({
    kind: 'unavailable',
    code: 'auth',
    detail: expect.stringContaining('ANTHROPIC_API_KEY is not set'),
  });
  expect(await runRole(h.options('implement', { models: ['free-lunch'] }))).toMatchObject({
    kind: 'unavailable',
    code: 'no_price',
  });
  const lost = new AnthropicClient({ apiKey: 'test-key', baseUrl: 'localhost' });
  expect(await runRole(h.options('implement', { client: lost }))).toMatchObject({
    kind: 'unavailable',
    retryable: false,
    detail: expect.stringContaining('ANTHROPIC_BASE_URL is not a URL'),
  });
  expect(h.server.requests()).toEqual([]);
});

test('cancelled while the model answers: nothing is recorded, the call is settled', async () => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]\n    fault: { stall: 5000 }`));
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('the run was cancelled')), 150);
  const result = await runRole(h.options('implement', { signal: stop.signal }));
  expect(result).toMatchObject({ kind: 'cancelled', detail: 'the run was cancelled', turns: 0 });
  expect([...h.budget.held.values()].every((one) => one.settled !== null)).toBe(true);
});
