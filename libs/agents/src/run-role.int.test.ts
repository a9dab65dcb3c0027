import { cancelled, retryable } from '@millwright/domain';
import { expect, test } from 'vitest';
import { Breaker } from './model/breaker.ts';
import { runRole } from './run-role.ts';
import { harness, realClock } from './testing/harness.ts';

const FIX = `
role: implement
when: { title: Double, task: a, attempt: 1 }
turns:
  - say: I look first.
    tools: [{ bash: cat double.sh }]
  - expect: ['echo 0']
    tools:
      - edit: { command: str_replace, path: /workspace/double.sh, old_str: echo 0, new_str: 'echo $((2 * $1))' }
      - bash: sh test.sh
  - expect: [^passed]
    tools: [{ submit: { summary: Doubled., commitMessage: Double the number } }]
`;
const FILES = { 'double.sh': 'echo 0\n', 'test.sh': 'test "$(sh double.sh 2)" = 4 && echo passed\n' };

test('an implementer reads, edits, tests and submits; every turn is on record', async () => {
  await using h = await harness(FIX, { files: FILES });
  const activity: string[] = [];
  const result = await runRole(h.options('implement', { onActivity: (text) => activity.push(text) }));
  expect(result).toMatchObject({
    kind: 'submitted',
    submission: { summary: 'Doubled.', commitMessage: 'Double the number' },
    turns: 3,
    model: 'recorded/implement',
  });
  expect(h.turns.records.map((one) => one.action)).toEqual([
    'bash cat double.sh',
    'edit double.sh; bash sh test.sh',
    'submit_change',
  ]);
  expect(activity).toContain('edit double.sh');
  expect(result.usage.usd).toBeGreaterThan(0);
  expect(h.budget.spent).toBeCloseTo(result.usage.usd, 10);
  // Nothing is asked of a model in silence.
  expect(h.turns.announced).toEqual(h.server.requests().map((one) => one.turn + 1));
  expect(h.server.requests().every((one) => one.paid && one.breakpoints <= 4)).toBe(true);
});

test.each([1, 2, 3])(
  'killed before turn %i is on record, it resumes there and pays no recorded turn twice',
  async (dieAt) => {
    await using h = await harness(FIX, { files: FILES });
    h.turns.dieAt = dieAt;
    await expect(runRole(h.options('implement'))).rejects.toThrow('killed');
    h.turns.dieAt = null;
    // The workspace comes back as the last record has it: the edit of turn 2 is undone when turn 2 was not recorded.
    if (dieAt === 2) await h.workspace.write('double.sh', 'echo 0\n');
    const result = await runRole(h.options('implement', { fence: 2 }));
    expect(result).toMatchObject({ kind: 'submitted', turns: 3 });
    const paid = h.server.requests().map((one) => one.turn + 1);
    expect(h.turns.announced).toEqual(paid);
    for (const turn of [1, 2, 3])
      expect(paid.filter((one) => one === turn).length).toBe(turn === dieAt ? 2 : 1);
  },
);

test('resumed, its conversation begins as it did, whatever is computed by then', async () => {
  await using h = await harness(FIX, { files: FILES });
  h.turns.dieAt = 2;
  const computed = (fact: string) => ({ materials: { advice: [], facts: [fact] } });
  await expect(runRole(h.options('implement', computed('suite on the base: not run yet')))).rejects.toThrow(
    'killed',
  );
  h.turns.dieAt = null;
  await h.workspace.write('double.sh', 'echo 0\n');
  const again = h.options('implement', { fence: 2, ...computed('suite on the base: passes, 1 s') });
  expect(await runRole(again)).toMatchObject({ kind: 'submitted', turns: 3 });
  expect(new Set(h.server.requests().map(({ conversation }) => conversation)).size).toBe(1);
});

test('what is known only later is said beside the next results, once; resumed, a conversation that has it hears it no more', async () => {
  await using h = await harness(FIX, { files: FILES });
  const fact = 'suite on the base: fails, "a" there';
  const told = { news: async () => (h.turns.records.length === 0 ? null : fact) };
  h.turns.dieAt = 3;
  await expect(runRole(h.options('implement', told))).rejects.toThrow('killed');
  h.turns.dieAt = null;
  expect(await runRole(h.options('implement', { fence: 2, ...told }))).toMatchObject({ turns: 3 });
  const said = h.turns.records.map(({ results }) => JSON.stringify(results).split('known by now').length - 1);
  expect(said).toEqual([0, 1, 0]);
  expect(h.turns.records[1]?.results.at(-1)).toEqual({ type: 'text', text: `[known by now: ${fact}]` });
});

test('what people add to its goal is said beside the next results, each once; killed and resumed it is neither lost nor said again', async () => {
  await using h = await harness(FIX, { files: FILES });
  const said: string[] = [];
  const steers = async () => {
    if (h.turns.records.length === 0) said.push('keep "a" as it is');
    if (h.turns.records.length === 1) said.push('and be quick');
    return said;
  };
  h.turns.dieAt = 3;
  await expect(runRole(h.options('implement', { steers }))).rejects.toThrow('killed');
  h.turns.dieAt = null;
  expect(await runRole(h.options('implement', { fence: 2, steers }))).toMatchObject({ turns: 3 });
  const heard = h.turns.records.map(({ results }) =>
    [...JSON.stringify(results).matchAll(/a person adds to your task, from now on: (.*?)\]"/g)].map(
      ([, one]) => one,
    ),
  );
  expect(heard).toEqual([['keep \\\\"a\\\\" as it is'.replaceAll('\\\\', '\\')], ['and be quick'], []]);
});

test('resumed after its submit is on record, it asks for nothing', async () => {
  await using h = await harness(FIX, { files: FILES });
  const first = await runRole(h.options('implement'));
  h.server.clear();
  const again = await runRole(h.options('implement', { fence: 2 }));
  expect(again).toEqual(first);
  expect(h.server.requests()).toEqual([]);
});

test.each([3, 4, 6])(
  'restarted in the middle of a loop (turn %i), the stuck detector goes on where it was: one new conversation, no third',
  async (dieAt) => {
    await using h = await harness("role: plan\nrepeat: true\nturns:\n  - tools: [{ bash: 'echo same' }]");
    h.turns.dieAt = dieAt;
    await expect(runRole(h.options('plan'))).rejects.toThrow('killed');
    h.turns.dieAt = null;
    const result = await runRole(h.options('plan', { fence: 2 }));
    expect(result).toMatchObject({
      ...{ kind: 'stopped', code: 'stuck', turns: 6 },
      handedOver: expect.stringContaining('came to nothing: the same call with the same result'),
    });
    expect(h.turns.changes).toMatchObject([{ kind: 'handed_over', after: 3 }]);
  },
);

test.each(['plan', 'review', 'test', 'deploy', 'implement'] as const)(
  'a %s conversation that goes in circles is left for a new one in the same workspace, which is told and goes on',
  async (role) => {
    const submit = {
      plan: '{ summary: S, question: Which? }',
      review: '{ verdict: approve, summary: Fine., findings: [] }',
      test: '{ summary: None., checks: [] }',
      deploy: '{ notes: N, watch: [] }',
      implement: '{ summary: Done., commitMessage: Do it }',
    }[role];
    await using h = await harness(
      [
        `role: ${role}\nrepeat: true\nturns:\n  - say: I look.\n    tools: [{ bash: 'echo same' }]`,
        `role: ${role}\nwhen: { prompt: '<handover>' }\nturns:\n  - expect: ['I look', 'came to nothing: the same call', 'Go another way']\n    tools: [{ submit: ${submit} }]`,
      ].join('\n---\n'),
    );
    expect(await runRole(h.options(role))).toMatchObject({ kind: 'submitted', turns: 4 });
  },
);

test('another claim, cancelled by the log: it stops at once and says so', async () => {
  await using h = await harness(FIX, { files: FILES });
  h.turns.record = async () => {
    throw cancelled('fence', 'another runner has claimed this attempt');
  };
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'cancelled',
    detail: 'another runner has claimed this attempt',
    turns: 0,
  });
  expect(h.server.requests()).toHaveLength(1);
});

test('a sandbox that is gone ends the attempt as retryable', async () => {
  await using h = await harness(FIX, { files: FILES });
  h.workspace.exec = async () => ({ kind: 'gone', reason: 'out of memory' });
  const result = await runRole(h.options('implement'));
  expect(result).toMatchObject({
    kind: 'unavailable',
    code: 'sandbox_gone',
    detail: 'out of memory',
    retryable: true,
  });
});

test('a crash in the middle of a call leaves its reservation as spent; the next claim reserves its own', async () => {
  await using h = await harness(FIX, { files: FILES });
  const settle = h.budget.settle.bind(h.budget);
  h.budget.settle = async () => {
    throw new Error('killed');
  };
  await expect(runRole(h.options('implement'))).rejects.toThrow('killed');
  h.budget.settle = settle;
  const result = await runRole(h.options('implement', { fence: 2 }));
  expect(result.kind).toBe('submitted');
  const lost = [...h.budget.held.entries()].filter(([, one]) => one.settled === null);
  expect(lost.map(([key]) => key)).toEqual(['att_0123456789abcdef/1/1/1']);
  expect(h.budget.spent).toBeGreaterThan(result.usage.usd);
});

test.each(['reserve', 'settle'] as const)(
  'the ledger fails once (%s) while a call probes an endpoint that was away: the next call gets through',
  async (step) => {
    await using h = await harness(FIX, { files: FILES });
    const breaker = new Breaker(realClock, { after: 1, coolMs: 1, maxCoolMs: 1 });
    (await breaker.enter()).end('failed');
    const works = h.budget[step].bind(h.budget);
    h.budget[step] = async () => {
      throw retryable('store-unreachable', 'the database cannot be reached');
    };
    await expect(runRole(h.options('implement', { breaker }))).rejects.toThrow('cannot be reached');
    expect(breaker.state).not.toBe('probing');
    Object.assign(h.budget, { [step]: works });
    expect(await runRole(h.options('implement', { breaker, fence: 2 }))).toMatchObject({ kind: 'submitted' });
    expect(breaker.state).toBe('closed');
  },
);

test('a role whose work cannot be kept leaves an account where its stage is over, and the next attempt begins with it', async () => {
  await using h = await harness(
    "role: plan\nturns:\n  - say: It is in src.\n    tools: [{ bash: 'echo looked at src' }]",
  );
  const limits = { turns: 1, wallMs: 60_000, usd: 5 };
  const over = await runRole(h.options('plan', {}, { limits }));
  expect(over).toMatchObject({
    ...{ kind: 'stopped', code: 'turns' },
    detail: "the stage's limit of 1 turns is reached (half of MILLWRIGHT_STAGE_TURNS)",
    handedOver: expect.stringMatching(/It is in src\.[\s\S]*looked at src/),
  });
  const handedOver = over.kind === 'stopped' ? over.handedOver : undefined;
  const own = { limits, config: { stage: { turns: 2 } } };
  await using same = await harness("role: plan\nturns:\n  - tools: [{ bash: 'echo one' }]");
  expect(await runRole(same.options('plan', {}, own))).toMatchObject({
    detail: "the stage's limit of 1 turns is reached (half of stage.turns in millwright.yaml)",
  });
  await using next = await harness(
    "role: plan\nturns:\n  - expect: ['<handover', 'looked at src', 'its workspace is gone']\n    tools: [{ submit: { summary: S, question: Which? } }]",
  );
  expect(await runRole(next.options('plan', {}, { handedOver }))).toMatchObject({ kind: 'submitted' });
  // What comes of it when it is over again has what was known before.
  await using third = await harness("role: plan\nturns:\n  - tools: [{ bash: 'echo two' }]");
  expect(await runRole(third.options('plan', {}, { limits, handedOver }))).toMatchObject({
    handedOver: expect.stringMatching(/looked at src[\s\S]*echo two/),
  });
});
