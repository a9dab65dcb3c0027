import { expect, test } from 'vitest';
import { runRole } from './run-role.ts';
import { harness } from './testing/harness.ts';

// What the API and its models refuse by the book, and how the loop goes on. The recorded model enforces each rule (recorded/rules.ts).

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
const script = (turns: string, more = '') => `role: implement\n${more}\nturns:\n${turns}`;
const token = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');

test('thinking before each of two calls, the first of which holds a token: it goes back as it came and is taken', async () => {
  const turns = [
    `  - think: First I write it down.\n    tools: [{ bash: 'echo ${token} > kept.txt' }, { think: Then I look. }, { bash: 'wc -c < kept.txt' }]`,
    `  - expect: ['41']\n    think: Good.\n    tools: [{ bash: 'cat kept.txt' }]`,
    `  - expect: ['masked: GitHub token']\n    tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 3 });
  expect(h.turns.changes).toEqual([]);
  expect(h.server.requests().map((one) => [one.status, one.thinkingDropped])).toEqual([
    [200, 0],
    [200, 0],
    [200, 0],
  ]);
  // What is kept has neither the token nor what the thinking is signed with.
  const kept = JSON.stringify(h.turns.records);
  expect(kept).not.toContain(token);
  expect(kept).not.toContain('recorded/implement~');
  expect(kept).toContain('First I write it down.');
});

test.each([
  ['malformed arguments', '{ malformed: true }'],
  ['huge arguments', '{ huge: 2000000 }'],
])('%s between thinking: all thinking goes, once, and that is said', async (_, fault) => {
  const turns = [
    `  - think: A.\n    tools: [{ bash: echo one }]`,
    `  - think: B.\n    tools: [{ bash: echo two }, { think: C. }, { bash: echo three }]\n    fault: ${fault}`,
    `  - think: D.\n    tools: [{ bash: echo four }]`,
    `  - tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  expect(await runRole(h.options('implement'))).toMatchObject({ kind: 'submitted', turns: 4 });
  expect(h.turns.changes).toMatchObject([{ kind: 'thinking_dropped', after: 2 }]);
  expect(h.server.requests().every((one) => one.status === 200 && one.thinkingDropped === 0)).toBe(true);
});

test('resumed after a kill: it goes on without its earlier thinking, says so once, and thinks on', async () => {
  const turns = [1, 2, 3].map((n) => `  - think: T${n}.\n    tools: [{ bash: 'echo ${token} ${n}' }]`);
  await using h = await harness(script([...turns, `  - tools: [${SUBMIT}]`].join('\n')));
  h.turns.dieAt = 3;
  await expect(runRole(h.options('implement'))).rejects.toThrow('killed');
  h.turns.dieAt = null;
  expect(await runRole(h.options('implement', { fence: 2 }))).toMatchObject({ kind: 'submitted', turns: 4 });
  expect(h.turns.changes).toMatchObject([
    { kind: 'thinking_dropped', after: 2, reason: expect.stringContaining('read back') },
  ]);
  expect(h.server.requests().map((one) => one.status)).toEqual([200, 200, 200, 200, 200]);
});

test('a prompt that changed on its way (a gateway): the thinking is dropped and the call made again', async () => {
  const turns = [
    `  - think: A.\n    tools: [{ bash: echo one }]`,
    `  - fault: { status: 400, message: 'messages.1.content.0: Invalid \`signature\` in \`thinking\` block. The block is bound to a different conversation.' }\n    tools: [{ bash: echo two }]`,
    `  - tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  expect(await runRole(h.options('implement'))).toMatchObject({ kind: 'submitted', turns: 3 });
  expect(h.turns.changes).toMatchObject([
    { kind: 'thinking_dropped', after: 1, reason: expect.stringContaining('different conversation') },
  ]);
});

test('without thinking to drop, the same refusal ends with its words', async () => {
  const turns = `  - fault: { status: 400, times: 9, message: 'The block is bound to a different conversation.' }\n    tools: [${SUBMIT}]`;
  await using h = await harness(script(turns));
  expect(await runRole(h.options('implement'))).toMatchObject({ kind: 'unavailable', code: 'binding' });
  expect(h.server.requests()).toHaveLength(1);
});

test('a prompt that is too long: old outputs go into files that can be read, and the work goes on', async () => {
  const long = "head -c 20000 /dev/zero | tr '\\\\0' x";
  const turns = [
    `  - tools: [{ bash: "${long}; echo first" }]`,
    `  - tools: [{ bash: "${long}; echo second" }]`,
    `  - tools: [{ bash: "${long}; echo third" }]`,
    `  - expect: ['xthird|third']\n    tools: [{ bash: 'tail -c 6 /tmp/outputs/1-1.txt' }]`,
    `  - expect: ['first$']\n    tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')), { context: 14_000 });
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({ kind: 'submitted', turns: 5 });
  expect(h.turns.changes).toMatchObject([
    { kind: 'put_aside', reason: expect.stringContaining('prompt is too long') },
  ]);
  const refused = h.server.requests().filter((one) => one.status === 400);
  expect(refused).toHaveLength(1);
  expect(h.budget.spent).toBeCloseTo(result.usage.usd, 10);
});

test('still too long: a new conversation on the same workspace; then an end that says what to do', async () => {
  const first = script(
    `  - say: I wrote it.\n    tools: [{ bash: 'echo work > work.txt' }]\n  - fault: { status: 413, times: 99 }\n    tools: [${SUBMIT}]`,
  );
  const second = `role: implement\nwhen: { prompt: '<handover>' }\nturns:\n  - fault: { status: 413, times: 99 }\n    tools: [${SUBMIT}]`;
  await using h = await harness(`${first}\n---\n${second}`);
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'stopped',
    code: 'context',
    detail: expect.stringMatching(/first message alone.*Shorten the ticket, or name a model/),
  });
  expect(h.turns.changes).toMatchObject([
    { kind: 'handed_over', note: expect.stringMatching(/I wrote it\.[\s\S]*bash echo work/) },
  ]);
});

test('a model that is gone: the next of the list goes on, without the thinking of the first, and the trail says so', async () => {
  const turns = [
    `  - think: A.\n    tools: [{ bash: echo one }]`,
    `  - fault: { status: 404 }\n    tools: [{ bash: echo two }]`,
    `  - tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  const models = ['claude-opus-5-5', 'claude-sonnet-5'];
  const result = await runRole(h.options('implement', { models }));
  expect(result).toMatchObject({ kind: 'submitted', turns: 3, model: 'claude-sonnet-5' });
  expect(h.turns.changes).toMatchObject([
    { kind: 'model_changed', model: 'claude-sonnet-5', after: 1, reason: expect.stringContaining('404') },
  ]);
  expect(h.turns.records.map((one) => one.model)).toEqual([
    'claude-opus-5-5',
    'claude-sonnet-5',
    'claude-sonnet-5',
  ]);
});

test('resumed, it goes on with the model that it had changed to', async () => {
  const turns = [
    `  - fault: { status: 404 }\n    tools: [{ bash: echo one }]`,
    `  - tools: [{ bash: echo two }]`,
    `  - tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  const models = ['claude-opus-5-5', 'claude-sonnet-5'];
  h.turns.dieAt = 2;
  await expect(runRole(h.options('implement', { models }))).rejects.toThrow('killed');
  h.turns.dieAt = null;
  await runRole(h.options('implement', { models, fence: 2 }));
  expect(new Set(h.turns.records.map((one) => one.model))).toEqual(new Set(['claude-sonnet-5']));
});

test('a key without access to the model counts as a model that is not there', async () => {
  const turns = `  - fault: { status: 403, message: 'Your API key does not have access to this model' }\n    tools: [${SUBMIT}]`;
  await using h = await harness(script(turns));
  const models = ['claude-opus-5-5', 'claude-opus-5'];
  expect(await runRole(h.options('implement', { models }))).toMatchObject({
    kind: 'submitted',
    model: 'claude-opus-5',
  });
});

const REFUSAL = `{ category: cyber, explanation: It could enable harm. }`;

test('a refusal: the conversation is left, another model goes on in the same workspace', async () => {
  const first = script(
    `  - tools: [{ bash: 'echo work > work.txt' }]\n  - say: I cannot.\n    stop: refusal\n    refusal: ${REFUSAL}`,
  );
  const second = `role: implement\nwhen: { prompt: '<handover>' }\nturns:\n  - tools: [{ bash: cat work.txt }]\n  - expect: [^work]\n    tools: [${SUBMIT}]`;
  await using h = await harness(`${first}\n---\n${second}`);
  const models = ['claude-opus-5-5', 'claude-sonnet-5'];
  const result = await runRole(h.options('implement', { models }));
  expect(result).toMatchObject({ kind: 'submitted', turns: 4, model: 'claude-sonnet-5' });
  expect(h.turns.changes).toMatchObject([
    {
      kind: 'handed_over',
      after: 2,
      reason: expect.stringContaining('cyber: It could enable harm'),
      note: expect.not.stringContaining('I cannot'),
    },
    { kind: 'model_changed', model: 'claude-sonnet-5' },
  ]);
});

test('refused again and again: it ends, naming why, whom it asked and what to do', async () => {
  const turns = `  - say: I will not.\n    stop: refusal\n    refusal: ${REFUSAL}`;
  await using h = await harness(script(turns));
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'stopped',
    code: 'refused',
    turns: 2,
    detail: expect.stringMatching(
      /recorded\/implement refused \(cyber: .*\).*2 conversations.*Reword the ticket, or name another model \(MILLWRIGHT_MODEL_IMPLEMENT\)/,
    ),
  });
});

test('killed between a refusal and what follows from it, it is left all the same', async () => {
  const first = script(`  - say: I cannot.\n    stop: refusal`);
  const second = `role: implement\nwhen: { prompt: '<handover>' }\nturns:\n  - tools: [${SUBMIT}]`;
  await using h = await harness(`${first}\n---\n${second}`);
  const changed = h.turns.changed.bind(h.turns);
  h.turns.changed = async () => {
    throw new Error('killed');
  };
  await expect(runRole(h.options('implement'))).rejects.toThrow('killed');
  h.turns.changed = changed;
  expect(await runRole(h.options('implement', { fence: 2 }))).toMatchObject({ kind: 'submitted', turns: 2 });
});

test('an answer cut off while thinking may be twice as long the next time', async () => {
  const turns = [
    `  - think: Long.\n    stop: max_tokens`,
    `  - expect: ['cut off at its limit']\n    tools: [${SUBMIT}]`,
  ];
  await using h = await harness(script(turns.join('\n')));
  expect((await runRole(h.options('implement'))).kind).toBe('submitted');
  expect(h.server.requests().map((one) => one.maxTokens)).toEqual([32_000, 64_000]);
});

test('max_tokens three times with whole calls goes on as it was', async () => {
  const turns = [1, 2, 3].map((n) => `  - tools: [{ bash: 'echo ${n}' }]\n    stop: max_tokens`);
  await using h = await harness(script([...turns, `  - tools: [${SUBMIT}]`].join('\n')));
  expect(await runRole(h.options('implement'))).toMatchObject({ kind: 'submitted', turns: 4 });
  expect(new Set(h.server.requests().map((one) => one.maxTokens))).toEqual(new Set([32_000]));
});

test('thinking as it comes is what a watcher sees', async () => {
  await using h = await harness(script(`  - think: The tax is added twice.\n    tools: [${SUBMIT}]`));
  const seen: string[] = [];
  await runRole(h.options('implement', { onActivity: (text) => seen.push(text) }));
  expect(seen).toContain('thinks: The tax is added twice.');
});

test('an effort that a model does not take is lowered to the nearest that it does, or left out', async () => {
  await using h = await harness(script(`  - tools: [${SUBMIT}]`));
  for (const model of ['claude-opus-4-6', 'claude-haiku-4-5', 'claude-opus-5-5'])
    expect((await runRole(h.options('implement', { models: [model], effort: 'xhigh' }))).kind).toBe(
      'submitted',
    );
});
