import type { RunView, TrailLine } from '@millwright/api';
import type { EntryOf } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHEATS, type Cheat, ON_MOCHA, ON_NODE, ON_SCRIPT, SOURCE } from './cheats.ts';
import { approves, checks, edit, implements_, objects, plans, type Script, says } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import type { Remote } from './remote.ts';

// Whatever an implementer does to the tests, a wrong change is never merged, and the factory does not try for ever.

let factory: Factory;
let onNode: Remote;
let onMocha: Remote;
let onScript: Remote;
let bases: string[];

const REPO = { node: 'sum', mocha: 'sum-mocha', script: 'sum-script' } as const;

/** A run is sent back three times, so that it tries four cheats; those that a check of their own sees share no run with others. */
const AT_MOST = 4;
type Tries = { title: string; repo: string; cheats: readonly Cheat[] };
const TRIES: readonly Tries[] = Object.values(
  Object.groupBy(CHEATS, ({ on = 'node', check = '' }) => `${on} ${check}`),
)
  .flatMap((group = []) =>
    Array.from({ length: Math.ceil(group.length / AT_MOST) }, (_, nth) =>
      group.slice(nth * AT_MOST, (nth + 1) * AT_MOST),
    ),
  )
  .map((cheats, nth) => ({
    title: `Make adding faster in way ${nth + 1}`,
    repo: REPO[cheats[0]?.on ?? 'node'],
    cheats,
  }));
const LONG = { tags: ['long'] };
const WRONG_TITLE = 'Make adding faster';
const OBJECTED_TITLE = 'Make adding prettier';

const wrongly = (title: string, source: string): Script[] => [
  plans(title),
  implements_(title, [{ path: 'src/sum.js', text: source }], { when: { attempt: 1 } }),
  // Another wrong one each time it is sent back, or told something.
  ...[2, 3, 4, 5, 6].map((attempt) =>
    implements_(title, [], { when: { attempt }, bash: 'echo "// better now" >> src/sum.js' }),
  ),
];
/** What an implementer reads that was sent back so often; its attempts count the answers as well. */
const onceSentBack = (times: number) =>
  times === 0 ? { attempt: 1 } : { prompt: `may be sent back ${AT_MOST - 1 - times} times more` };
const cheating = ({ title, cheats }: Tries): Script[] => [
  plans(title),
  ...cheats.map(({ edits, bash = 'true' }, nth) =>
    says(
      'implement',
      title,
      [
        // What was handed in is a commit on the base, where it is sent back.
        { tools: [{ bash: nth === 0 ? 'true' : 'git restore --source=HEAD~1 --staged --worktree .' }] },
        { tools: [...edits.map(edit), { bash }] },
        { tools: [{ submit: { summary: 'Done.', commitMessage: 'Add faster' } }] },
      ],
      onceSentBack(nth),
    ),
  ),
  // Caught as often as it knows another way, it gives up.
  says('implement', title, [{ say: 'I cannot do better.', stop: 'refusal' }], onceSentBack(cheats.length)),
  ...[approves(title), checks(title, ...[cheats[0]?.check ?? []].flat())],
];

beforeAll(async () => {
  const minus = SOURCE.replace('a + b', 'a - b');
  factory = await startFactory({
    conversations: [
      ...TRIES.flatMap(cheating),
      ...wrongly(WRONG_TITLE, minus),
      ...[approves(WRONG_TITLE), checks(WRONG_TITLE)],
      ...wrongly(OBJECTED_TITLE, `${SOURCE}// prettier\n`),
      objects(OBJECTED_TITLE, 'src/sum.js', 'This is not prettier.'),
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

/** The same, where a person is asked each time that it fails just as before, and does not know better either. Also how often one was. */
async function persisting(repo: string, title: string) {
  const ticket = await factory.file(repo, `# ${title}\n`);
  for (let asked = 0; ; asked++) {
    const run = await factory.runOf(ticket, ({ state, endedAt }) => state === 'waiting' || endedAt !== null);
    if (run.endedAt !== null) {
      expect(run, run.reason ?? '').toMatchObject({ state: 'failed', delivered: null });
      const trail = await factory.trail(run.id);
      expect(trail.map((entry) => entry.type)).not.toContain('merge.started');
      return { run, trail, asked };
    }
    expect(run.reason).toContain('failed again just as before');
    const made = implementations(run);
    await factory.json(['ticket', 'answer', ticket, 'Make it right']);
    await factory.runOf(ticket, (next) => next.endedAt !== null || implementations(next) > made);
  }
}

const implementations = (run: RunView) => run.stages.filter((stage) => stage.kind === 'implement').length;

describe.concurrent('a wrong change', () => {
  const inNoWay = async ([_, { title, repo, cheats }]: readonly [string, Tries]) => {
    const { run, trail } = await persisting(repo, title);
    const handedIn = new Set(
      trail.flatMap(({ type, data }) =>
        type === 'task.changed' ? [(data as EntryOf<'task.changed'>['data']).change] : [],
      ),
    );
    const taken = cheats.filter(({ refused }) => refused === undefined);
    expect(handedIn.size).toBe(taken.length);
    const closed = JSON.stringify(trail.filter(({ type }) => type === 'stage.closed'));
    for (const { refused } of cheats)
      if (refused !== undefined)
        expect(closed).toContain(`The change was refused: ${refused} is made a link`);
    const verdicts = dataOf(trail, 'change.tested').map(({ verdict }) => verdict);
    expect(verdicts).toHaveLength(taken.length);
    for (const verdict of verdicts) expect(verdict).toMatch(/^(failed|invalid)$/);
    expect(run.reason).toMatch(/I cannot do better|sent back 4 times: the tests still fail/);
  };
  const named = TRIES.map((tries) => [tries.cheats.map(({ name }) => name).join('; '), tries] as const);
  // The first of each repository; the judge meets all of them in the runner's own tests.
  const first = named.filter(([_, { repo }], nth) => named.findIndex(([, one]) => one.repo === repo) === nth);
  it.for(first)('is not merged with %s', inNoWay);
  it.for(named.filter((one) => !first.includes(one)))('is not merged with %s', LONG, inNoWay);

  it('is not merged when the tests see it, however often it comes', LONG, async () => {
    const { run, trail, asked } = await persisting('sum', WRONG_TITLE);
    expect(asked).toBe(2);
    expect(run.reason).toMatch(/sent back 4 times: the tests still fail/);
    expect(implementations(run)).toBe(4);
    expect(dataOf(trail, 'change.tested').map((tested) => tested.verdict)).toEqual(
      Array.from({ length: 4 }, () => 'failed'),
    );
  });

  it('is not merged when the review objects, however often', LONG, async () => {
    const { run, trail } = await failing('sum', OBJECTED_TITLE);
    expect(run.reason).toMatch(/sent back 4 times: the review still wants changes/);
    expect(implementations(run)).toBe(4);
    expect(dataOf(trail, 'change.tested').map((tested) => tested.verdict)).toEqual(
      Array.from({ length: 4 }, () => 'passed'),
    );
  });
});

it('left all branches where they were, and no other branch', async () => {
  const remotes = [onNode, onMocha, onScript];
  expect(await Promise.all(remotes.map((remote) => remote.head()))).toEqual(bases);
  expect(await Promise.all(remotes.map((remote) => remote.branches()))).toEqual(remotes.map(() => ['main']));
});
