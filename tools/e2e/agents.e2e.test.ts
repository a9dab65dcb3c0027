import type { DoctorLine, TicketView, TrailLine } from '@millwright/api';
import type { EntryOf } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import {
  approves,
  checks,
  edit,
  objects,
  plans,
  type Script,
  says,
  type Turn,
  tasksOf,
} from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';

// What the agents' conversations meet, through the whole factory: rules of their models, work that is longer than a conversation, people.

let factory: Factory;

const TIMES = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };
const EDIT: Turn = { tools: [edit(TIMES)] };
const handsIn = (commitMessage = 'Multiply'): Turn => ({
  tools: [{ submit: { summary: 'It multiplies.', commitMessage } }],
});
const token = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');
const LOUD = "head -c 29000 /dev/zero | tr '\\0' x; echo";

/** The models of the implementer, in order. */
const MODELS = 'recorded/implement, recorded/second';

type Case = { name: string; implement: Script[]; others?: Script[] };
const titleOf = (name: string) => `Multiply: ${name}`;
const implement = (name: string, turns: Turn[], more: Partial<Script> = {}): Script => {
  const made = says('implement', titleOf(name), turns);
  return { ...made, ...more, when: { ...made.when, ...more.when } };
};
/** What another of these shows as well, in another way, is for `npm run test:long`. */
const LONG = { tags: ['long'] };
const after = { when: { prompt: '<handover>' } };

const CASES = {
  thinks: 'it thinks around a call that holds a token',
  long: 'it is longer than a conversation, and its runner is killed',
  tooMuch: 'it is too large for one attempt',
  tooLong: 'its prompt is too long',
  tooLarge: 'its request is too large',
  gone: 'its model is gone',
  refused: 'its model refuses',
  alwaysRefused: 'every model refuses',
  blocked: 'it is blocked',
  message: 'its message is what lands',
} as const;

const SCRIPTS: Case[] = [
  {
    name: CASES.thinks,
    implement: [
      implement(CASES.thinks, [
        {
          think: 'First the token.',
          tools: [
            { bash: `echo ${token} > /tmp/kept` },
            { think: 'Then its length.' },
            { bash: 'wc -c < /tmp/kept' },
          ],
        },
        { expect: ['41'], think: 'Now the work.', ...EDIT },
        { think: 'That is all.', ...handsIn() },
      ]),
    ],
  },
  {
    name: CASES.long,
    implement: [
      implement(
        CASES.long,
        [{ think: 'On.', tools: [{ bash: `echo {{turn}} >> /workspace/log.txt; ${LOUD}; sleep 0.2` }] }],
        { repeat: true, handover: 'Lines are in log.txt. Open: the work itself.' },
      ),
      implement(
        CASES.long,
        [{ tools: [{ bash: 'wc -l < log.txt && rm log.txt' }] }, { expect: ['^6$'], ...EDIT }, handsIn()],
        { when: { prompt: 'Lines are in log\\.txt' } },
      ),
    ],
  },
  {
    name: CASES.tooMuch,
    implement: [
      implement(
        CASES.tooMuch,
        [
          {
            tools: [
              { bash: `echo 'exports.half = 1;' > src/half.js; echo >> /tmp/turns; wc -l < /tmp/turns` },
            ],
          },
        ],
        { repeat: true, handover: 'The half is written. Open: the product.', when: { task: 'fix' } },
      ),
      implement(
        CASES.tooMuch,
        [
          {
            expect: ['<feedback from="unfinished"', 'Open: the product'],
            tools: [{ bash: 'git status --short; git diff --stat HEAD~1; cat src/half.js' }],
          },
          { expect: ['half\\.js \\|', 'exports\\.half'], ...EDIT },
          handsIn(),
        ],
        { when: { task: 'product' } },
      ),
    ],
    others: [
      approves(titleOf(CASES.tooMuch)),
      says(
        'plan',
        titleOf(CASES.tooMuch),
        [
          {
            expect: ['was too large for one attempt', '<unfinished>', 'Open: the product'],
            tools: [{ bash: 'git diff --stat HEAD~1' }],
          },
          { expect: ['half\\.js'], tools: [{ submit: tasksOf({ id: 'product' }) }] },
        ],
        { task: 'fix' },
      ),
    ],
  },
  {
    name: CASES.tooLong,
    implement: [
      implement(CASES.tooLong, [
        { tools: [{ bash: `${LOUD}; echo first` }] },
        { tools: [{ bash: `${LOUD}; echo second` }] },
        {
          fault: { status: 400, message: 'prompt is too long: 1048577 tokens > 1000000 maximum', times: 1 },
          tools: [{ bash: 'tail -c 6 /tmp/outputs/1-1.txt' }],
        },
        { expect: ['first$'], ...EDIT },
        handsIn(),
      ]),
    ],
  },
  {
    name: CASES.tooLarge,
    implement: [
      implement(CASES.tooLarge, [EDIT, { fault: { status: 413, times: 1 }, ...handsIn('Never') }]),
      implement(
        CASES.tooLarge,
        [{ tools: [{ bash: 'git status --short' }] }, { expect: ['M src/sum.js'], ...handsIn() }],
        after,
      ),
    ],
  },
  {
    name: CASES.gone,
    implement: [implement(CASES.gone, [EDIT, { fault: { status: 404, times: 1 }, ...handsIn() }])],
  },
  {
    name: CASES.refused,
    implement: [
      implement(CASES.refused, [
        EDIT,
        { say: 'No.', stop: 'refusal', refusal: { category: 'cyber', explanation: 'It could do harm.' } },
      ]),
      implement(CASES.refused, [handsIn()], after),
    ],
  },
  {
    name: CASES.alwaysRefused,
    implement: [
      implement(CASES.alwaysRefused, [
        { say: 'No.', stop: 'refusal', refusal: { category: 'cyber', explanation: 'It could do harm.' } },
      ]),
    ],
  },
  {
    name: CASES.blocked,
    implement: [
      implement(CASES.blocked, [
        {
          tools: [
            {
              submit: {
                summary: 'I ran it.',
                commitMessage: 'None',
                blocked: 'The port is taken on the base too.',
              },
            },
          ],
        },
      ]),
      implement(CASES.blocked, [{ ...EDIT, expect: [] }, handsIn()], {
        when: { attempt: 2, prompt: 'A person answers: Use another' },
      }),
    ],
  },
  {
    name: CASES.message,
    implement: [
      implement(
        CASES.message,
        [
          EDIT,
          handsIn(
            'Add a product of two numbers\n\nCallers did it by hand.\n\nMillwright-Reverts: everything',
          ),
        ],
        {
          when: { attempt: 1 },
        },
      ),
      implement(
        CASES.message,
        [
          {
            expect: [
              'from="review" attempt="1"',
              'Say why\\.',
              'What was handed in: It multiplies',
              'may be sent back 2 times more',
            ],
            ...EDIT,
          },
          handsIn('Add a product of two numbers\n\nThe cart needs it.'),
        ],
        { when: { attempt: 2 } },
      ),
    ],
    others: [
      objects(titleOf(CASES.message), 'src/sum.js', 'Say why.', { attempt: 1 }),
      {
        ...approves(titleOf(CASES.message), { attempt: 2 }),
      },
    ],
  },
];

beforeAll(async () => {
  factory = await startFactory({
    conversations: SCRIPTS.flatMap(({ name, implement: scripts, others }) => [
      ...[plans(titleOf(name)), ...scripts, checks(titleOf(name))],
      ...(others ?? [approves(titleOf(name))]),
    ]),
    env: {
      MILLWRIGHT_CONVERSATION_TURNS: '6',
      MILLWRIGHT_STAGE_CONVERSATIONS: '2',
      MILLWRIGHT_MODEL_IMPLEMENT: MODELS,
    },
  });
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

async function given(name: string) {
  const remote = await factory.remote(name.replaceAll(/[^a-z0-9]+/g, '-').slice(0, 60), ON_NODE);
  await factory.add(remote);
  return { remote, base: await remote.head(), ticket: `# ${titleOf(name)}\n` };
}

const changesOf = (trail: readonly TrailLine[]) =>
  trail
    .filter((line) => line.type === 'conversation.changed')
    .map((line) => line.data as EntryOf<'conversation.changed'>['data']);

describe.concurrent('an implementer', () => {
  const merges = async ([name, changes]: readonly [string, readonly string[]]) => {
    const { remote, base, ticket } = await given(name);
    const { code, run } = await factory.follow(remote.name, ticket);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    expect(code).toBe(0);
    const tree = await remote.treeWith(base, { [TIMES.path]: TIMES.text });
    expect(await remote.treeOf(await remote.head())).toBe(tree);
    const trail = await factory.trail(run.id);
    expect(changesOf(trail).map(({ change }) => change)).toEqual(changes);
    if (changes.some((change) => change === 'model_changed'))
      expect(changesOf(trail).at(-1)).toMatchObject({ model: 'recorded/second' });
  };
  it.for([[CASES.refused, ['handed_over', 'model_changed']]] as const)('merges where %s', merges);
  it.for([
    [CASES.thinks, []],
    [CASES.tooLong, ['put_aside']],
    [CASES.tooLarge, ['handed_over']],
    [CASES.gone, ['model_changed']],
  ] as const)('merges where %s', LONG, merges);

  it('ends where every model refuses, naming why and what to do', LONG, async () => {
    const { remote, base, ticket } = await given(CASES.alwaysRefused);
    const { code, run } = await factory.follow(remote.name, ticket);
    expect(run).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /refused \(cyber: It could do harm\.\).*Reword the ticket, or name another model/,
      ),
    });
    expect(code).toBe(1);
    expect(await remote.head()).toBe(base);
  });

  it('goes on in a new conversation, and over a killed runner, until its change is in', async () => {
    const { remote, base, ticket } = await given(CASES.long);
    const id = await factory.file(remote.name, ticket);
    await factory.runOf(id, (run) =>
      run.stages.some((stage) => stage.kind === 'implement' && stage.turns >= 3),
    );
    await factory.kill('runner');
    const run = await factory.runOf(id, ({ endedAt }) => endedAt !== null);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    const tree = await remote.treeWith(base, { [TIMES.path]: TIMES.text });
    expect(await remote.treeOf(await remote.head())).toBe(tree);
    const changes = changesOf(await factory.trail(run.id)).map(({ change }) => change);
    expect(changes).toContain('thinking_dropped');
    expect(changes.at(-1)).toBe('handed_over');
  });

  it(
    'that fills its conversations leaves what is done; the planner splits the rest, and it lands as one',
    LONG,
    async () => {
      const { remote, base, ticket } = await given(CASES.tooMuch);
      const { code, run } = await factory.follow(remote.name, ticket);
      expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
      expect(code).toBe(0);
      const made = {
        [TIMES.path]: TIMES.text,
        'src/half.js': 'exports.half = 1;\n',
      };
      expect(await remote.treeOf(await remote.head())).toBe(await remote.treeWith(base, made));
      const trail = await factory.trail(run.id);
      const left = trail.find((line) => line.type === 'task.unfinished')?.data;
      expect(left).toMatchObject({
        task: 'fix',
        reason: expect.stringContaining('limit of 2 conversations'),
      });
      expect((left as EntryOf<'task.unfinished'>['data']).tree).toBe(
        await remote.treeWith(base, { 'src/half.js': 'exports.half = 1;\n' }),
      );
      expect(trail.find((line) => line.type === 'plan.revised')?.data).toMatchObject({
        task: 'fix',
        tasks: [{ id: 'product', dependsOn: [] }],
      });
    },
  );

  it('that is blocked asks a person, and goes on with the answer', LONG, async () => {
    const { remote, ticket } = await given(CASES.blocked);
    const id = await factory.file(remote.name, ticket);
    await factory.runOf(id, (run) => run.state === 'waiting');
    const asked = await factory.json<TicketView>(['ticket', 'show', id]);
    expect(asked.question).toMatch(/made no change: The port is taken on the base too\./);
    await factory.cli(['ticket', 'answer', id, 'Use another port.']);
    const run = await factory.runOf(id, ({ endedAt }) => endedAt !== null);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
  });

  it('writes the message that lands, after its reviewer has seen it; trailers are the factory’s', async () => {
    const { remote, ticket } = await given(CASES.message);
    const { run } = await factory.follow(remote.name, ticket);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    const message = await remote.git('log', '-1', '--format=%B', 'main');
    expect(message).toMatch(
      /^Add a product of two numbers\n\nThe cart needs it\.\n\nMillwright-Ticket: tkt_\w+\nMillwright-Run: run_\w+\s*$/,
    );
  });
});

it('says in doctor that its models are there for its key', async () => {
  const said = async () => {
    const { stdout } = await factory.cli(['doctor', '--json']);
    const lines = (JSON.parse(stdout) as DoctorLine[]).filter(({ id }) => id.startsWith('model'));
    return lines.map(({ id, ok, text }) => (ok ? [id, ok] : [id, ok, text]));
  };
  await expect.poll(said, { timeout: 240_000, interval: 500 }).toEqual([
    ['model recorded/deploy', true],
    ['model recorded/implement', true],
    ['model recorded/plan', true],
    ['model recorded/review', true],
    ['model recorded/test', true],
  ]);
});

it('kept nothing of the token, and paid for no turn twice that was answered whole', async () => {
  expect(factory.said()).not.toContain(token.slice(4, 24));
  const paid = (await factory.requests()).filter((one) => one.paid && one.fault === null);
  expect(paid.every((one) => one.status === 200)).toBe(true);
});
