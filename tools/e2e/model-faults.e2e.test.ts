import type { EntryOf } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { approves, checks, edit, plans, type Script, says, type Turn } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';

// THREATS.md 12–16 through the whole factory: what a model or its endpoint does ends a run with a named failure, or it recovers.

let factory: Factory;

/** Far longer than a busy machine keeps a process waiting: an answer that came whole in that time would be paid for again. */
const STALL_MS = 10_000;
const TIMES = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };
const EDIT: Turn = { tools: [edit(TIMES)] };
const submit: NonNullable<Turn['tools']>[number] = {
  submit: { summary: 'Done.', commitMessage: 'Multiply' },
};
const SUBMIT: Turn = { tools: [submit] };
/** The file was not written by then: what was cut or refused did not run. */
const UNWRITTEN: Turn = { tools: [{ bash: 'grep -c times src/sum.js || echo unwritten' }] };
const call = (name: string, input: Record<string, unknown>) => ({ call: { name, input } });

type Fault = { name: string; turns: Turn[]; repeat?: boolean };

/** Each version of the file is a call of its own, long enough to be cut. */
const version = (nth: number): Turn => ({
  tools: [edit({ path: TIMES.path, text: `// ${'the way there '.repeat(60)}${nth}\n${TIMES.text}` })],
});

/** Each of these is met in a turn of its own, one after the other. */
const RECOVERS: readonly Fault[] = [
  {
    name: 'stalls, hangs up, errs after 200, is over its limits and overloaded',
    turns: [
      { ...version(1), fault: { stall: 60_000, times: 1 } },
      { ...version(2), fault: { hangup: 600, times: 2 } },
      { ...version(3), fault: { errorEvent: 'overloaded_error', times: 1 } },
      { ...EDIT, fault: { status: 429, retryAfter: 1, times: 2 } },
      { ...SUBMIT, fault: { status: 529, times: 4 } },
    ],
  },
  {
    name: "sends malformed arguments, ten megabytes of them, calls of tools that it has not and another role's, and two megabytes of output",
    turns: [
      { ...EDIT, fault: { malformed: true } },
      { expect: ['not JSON'], ...UNWRITTEN },
      { expect: ['unwritten'], ...EDIT, fault: { huge: 10 * 1024 * 1024 } },
      { expect: ['at most'], ...UNWRITTEN },
      {
        expect: ['unwritten'],
        tools: [
          call('launch', {}),
          call('submit_review', { verdict: 'approve', summary: 'Fine.', findings: [] }),
        ],
      },
      {
        expect: ['there is no tool launch', 'submit_review belongs to another role'],
        tools: [{ bash: 'yes | head -c 2000000; echo; echo the end' }],
      },
      { expect: ['cut here|left out', 'the end'], ...EDIT },
      SUBMIT,
    ],
  },
];

type Ends = Fault & { code: string; says: RegExp };
const ENDS: readonly Ends[] = [
  {
    name: 'repeats a call',
    turns: [{ tools: [{ bash: 'ls' }] }],
    repeat: true,
    code: 'stuck',
    says: /same call with the same result, 3 times: bash .*ls/,
  },
  {
    name: 'goes round in circles',
    turns: [{ tools: [{ bash: 'echo a' }] }, { tools: [{ bash: 'echo b' }] }],
    ...{ repeat: true, code: 'stuck', says: /round and round: bash .*echo a.* → bash .*echo b/ },
  },
  {
    name: 'only talks',
    turns: [{ say: 'I think.' }],
    repeat: true,
    code: 'stuck',
    says: /without submit_change/,
  },
  {
    name: 'submits what does not fit, again and again',
    turns: [{ tools: [{ submit: { done: '{{turn}}' } }] }],
    ...{ repeat: true, code: 'schema', says: /submits were refused/ },
  },
  {
    name: "submits another role's artifact, again and again",
    turns: [{ tools: [call('submit_plan', { summary: '{{turn}}', question: 'May I?' })] }],
    ...{ repeat: true, code: 'schema', says: /submit_plan belongs to another role/ },
  },
];

const LONG = { tags: ['long'] };
const titleOf = (fault: Fault) => `Multiply with a model that ${fault.name}`;

function conversations(fault: Fault): Script[] {
  const title = titleOf(fault);
  const implementer = says('implement', title, fault.turns);
  return [
    ...[plans(title), fault.repeat ? { ...implementer, repeat: true } : implementer],
    ...[approves(title), checks(title)],
  ];
}

beforeAll(async () => {
  factory = await startFactory({
    conversations: [...RECOVERS, ...ENDS].flatMap(conversations),
    env: { MILLWRIGHT_STALL_MS: String(STALL_MS) },
  });
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

/** A repository of its own for each: they all make the same change. */
async function given(fault: Fault) {
  const name = fault.name.replaceAll(/[^a-z0-9]+/g, '-').slice(0, 60);
  const remote = await factory.remote(name, ON_NODE);
  await factory.add(remote);
  return { name, remote, base: await remote.head() };
}

describe.concurrent('a model that', () => {
  it.for(RECOVERS)('$name: its run is done', async (fault) => {
    const { name, remote, base } = await given(fault);
    const { code, run } = await factory.follow(name, `# ${titleOf(fault)}\n`);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    expect(code).toBe(0);
    expect(await remote.treeOf(await remote.head())).toBe(
      await remote.treeWith(base, { [TIMES.path]: TIMES.text }),
    );
    expect(run.stages.filter((stage) => stage.kind === 'implement')).toHaveLength(1);
  });

  const endsRun = async (fault: Ends) => {
    const { name, remote, base } = await given(fault);
    const { code, run } = await factory.follow(name, `# ${titleOf(fault)}\n`);
    expect(run, run.reason ?? '').toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(fault.says),
    });
    expect(code).toBe(1);
    // Its tester works beside it, and may end after it.
    const made = run.stages.findLast(({ kind }) => kind === 'implement')?.attemptId;
    const closed = (await factory.trail(run.id))
      .filter((entry) => entry.type === 'stage.closed')
      .map((entry) => entry.data as EntryOf<'stage.closed'>['data']);
    expect(closed.find(({ attempt }) => attempt === made)?.outcome).toMatchObject({
      kind: 'failed',
      code: fault.code,
      retryable: false,
    });
    expect(await remote.head()).toBe(base);
  };
  const isFirst = ({ code }: Ends, nth: number) => ENDS.findIndex((one) => one.code === code) === nth;
  it.for(ENDS.filter(isFirst))('$name: its run ends, saying so', endsRun);
  it.for(ENDS.filter((one, nth) => !isFirst(one, nth)))('$name: its run ends, saying so', LONG, endsRun);
});

it('paid for no turn twice that was answered whole', async () => {
  const answered = (await factory.requests()).filter((one) => one.paid && one.fault === null);
  const turns = answered.map((one) => `${one.attempt} ${one.conversation} ${one.turn}`);
  expect(turns.length).toBeGreaterThan(RECOVERS.length * 4);
  expect(turns.filter((turn, index) => turns.indexOf(turn) !== index)).toEqual([]);
});

it('met every fault of its endpoint as often as it was scripted', async () => {
  const met = (await factory.requests()).flatMap((one) => (one.fault === null ? [] : [one.fault]));
  const scripted = RECOVERS.flatMap(({ turns }) => turns.map((turn) => turn.fault)).flatMap((fault) =>
    fault !== undefined && 'times' in fault ? Array.from({ length: fault.times }, () => fault) : [],
  );
  expect(met.sort()).toEqual(scripted.map((fault) => JSON.stringify(fault)).sort());
});

it('waited as long as a 429 asked', async () => {
  const limited = (await factory.requests()).filter((one) => one.role === 'implement');
  const first = limited.find((one) => one.status === 429);
  const tries = limited.filter((one) => one.conversation === first?.conversation && one.turn === first?.turn);
  expect(tries.map((one) => one.status)).toEqual([429, 429, 200]);
  for (const [index, one] of tries.slice(1).entries())
    expect(one.at - (tries[index]?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
});
