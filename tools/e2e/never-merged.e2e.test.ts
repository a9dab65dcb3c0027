import type { RunView, TrailLine } from '@millwright/api';
import type { EntryOf } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHEATS, type Cheat, ON_MOCHA, ON_NODE, ON_SCRIPT, SOURCE } from './cheats.ts';
import { approves, checks, implements_, objects, plans, type Script, says } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import type { Remote } from './remote.ts';

// Whatever an implementer does to the tests, a wrong change is never merged, and the factory does not try for ever.

let factory: Factory;
let onNode: Remote;
let onMocha: Remote;
let onScript: Remote;
let bases: string[];

const REPO = { node: 'sum', mocha: 'sum-mocha', script: 'sum-script' } as const;
const titleOf = (cheat: Cheat) => `Make adding faster by ${cheat.name}`;
const WRONG_TITLE = 'Make adding faster';
const OBJECTED_TITLE = 'Make adding prettier';
const UNMET_TITLE = 'Multiply';

const wrongly = (title: string, source: string): Script[] => [
  plans(title),
  implements_(title, [{ path: 'src/sum.js', text: source }], { when: { attempt: 1 } }),
  // Another wrong one each time it is sent back, or told something.
  ...[2, 3, 4, 5, 6].map((attempt) =>
    implements_(title, [], { when: { attempt }, bash: 'echo "// better now" >> src/sum.js' }),
  ),
];
const cheating = (cheat: Cheat): Script[] => {
  const title = titleOf(cheat);
  const bash = cheat.bash === undefined ? {} : { bash: cheat.bash };
  return [
    plans(title),
    implements_(title, cheat.edits, bash),
    // Caught and sent back, it gives up; that others are sent back a bounded number of times is shown below.
    says('implement', title, [{ say: 'I cannot do better.', stop: 'refusal' }], { attempt: 2 }),
    ...[approves(title), checks(title, ...(cheat.check === undefined ? [] : [cheat.check]))],
  ];
};

beforeAll(async () => {
  const minus = SOURCE.replace('a + b', 'a - b');
  factory = await startFactory({
    conversations: [
      ...CHEATS.flatMap(cheating),
      ...wrongly(WRONG_TITLE, minus),
      ...[approves(WRONG_TITLE), checks(WRONG_TITLE)],
      ...wrongly(OBJECTED_TITLE, `${SOURCE}// prettier\n`),
      objects(OBJECTED_TITLE, 'src/sum.js', 'This is not prettier.'),
      ...wrongly(UNMET_TITLE, `${SOURCE}exports.times = (a, b) => a + b;\n`),
      approves(UNMET_TITLE),
      checks(UNMET_TITLE, `node -e "require('assert').equal(require('./src/sum.js').times(3, 4), 12)"`),
    ],
  });
  onNode = await factory.remote('sum', ON_NODE);
  onMocha = await factory.remote('sum-mocha', ON_MOCHA);
  onScript = await factory.remote('sum-script', ON_SCRIPT);
  const remotes = [onNode, onMocha, onScript];
  bases = await Promise.all(remotes.map((remote) => remote.head()));
  await Promise.all(remotes.map((remote) => factory.add(remote)));
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const dataOf = <T extends 'change.tested' | 'task.reviewed'>(trail: TrailLine[], type: T) =>
  trail.filter((entry) => entry.type === type).map((entry) => entry.data as EntryOf<T>['data']);

/** Files the ticket and gives back its run's trail; the run failed, and nothing was merged or even begun to be. */
async function failing(repo: string, title: string): Promise<{ run: RunView; trail: TrailLine[] }> {
  const { code, run } = await factory.follow(repo, `# ${title}\n`);
  expect(run, run.reason ?? '').toMatchObject({ state: 'failed', delivered: null });
  expect(code).toBe(1);
  const trail = await factory.trail(run.id);
  expect(trail.map((entry) => entry.type)).not.toContain('merge.started');
  return { run, trail };
}

/** It fails for the same each time, so that a person is asked, who does not know better either. */
async function asking(title: string): Promise<{ run: RunView; trail: TrailLine[] }> {
  const ticket = await factory.file('sum', `# ${title}\n`);
  for (const failed of [2, 3]) {
    const waits = await factory.runOf(
      ticket,
      (run) => run.state === 'waiting' && implementations(run) === failed,
    );
    expect(waits.reason).toContain('failed again just as before');
    await factory.json(['ticket', 'answer', ticket, 'Make it right']);
  }
  const run = await factory.runOf(ticket, ({ endedAt }) => endedAt !== null);
  expect(run, run.reason ?? '').toMatchObject({ state: 'failed', delivered: null });
  return { run, trail: await factory.trail(run.id) };
}

const implementations = (run: RunView) => run.stages.filter((stage) => stage.kind === 'implement').length;

describe.concurrent('a wrong change', () => {
  it.for(CHEATS)('is not merged with $name', async (cheat) => {
    const { run, trail } = await failing(REPO[cheat.on ?? 'node'], titleOf(cheat));
    const verdicts = dataOf(trail, 'change.tested').map((tested) => tested.verdict);
    // Before it, it may have been tested on another cheat that was before it in the merge queue, and never merged either.
    expect(verdicts.at(-1)).toMatch(/^(failed|invalid)$/);
    expect(run.reason).toMatch(/I cannot do better/);
    expect(implementations(run)).toBe(2);
  });

  it('is not merged when the tests see it, however often it comes', async () => {
    const { run, trail } = await asking(WRONG_TITLE);
    expect(run.reason).toMatch(/sent back 4 times: the tests still fail/);
    expect(implementations(run)).toBe(4);
    expect(dataOf(trail, 'change.tested').map((tested) => tested.verdict)).toEqual(
      Array.from({ length: 4 }, () => 'failed'),
    );
  });

  it('is not merged when the review objects, however often', async () => {
    const { run, trail } = await failing('sum', OBJECTED_TITLE);
    expect(run.reason).toMatch(/sent back 4 times: the review still wants changes/);
    expect(implementations(run)).toBe(4);
    expect(dataOf(trail, 'change.tested').map((tested) => tested.verdict)).toEqual(
      Array.from({ length: 4 }, () => 'passed'),
    );
  });

  it('is not merged when only an acceptance check sees it', async () => {
    const { run, trail } = await asking(UNMET_TITLE);
    expect(run.reason).toMatch(/the tests still fail/);
    expect(new Set(dataOf(trail, 'change.tested').map((tested) => tested.verdict))).toEqual(
      new Set(['failed']),
    );
  });
});

it('left all branches where they were, and no other branch', async () => {
  const remotes = [onNode, onMocha, onScript];
  expect(await Promise.all(remotes.map((remote) => remote.head()))).toEqual(bases);
  expect(await Promise.all(remotes.map((remote) => remote.branches()))).toEqual(remotes.map(() => ['main']));
});
