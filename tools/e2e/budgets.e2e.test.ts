import type { BudgetView, RunView, TrailLine, WhyView } from '@millwright/api';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { approves, checks, edit, plans, type Script, says, type Turn } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';

// Money through the whole factory: what is reserved comes free whoever died, a cap stops nobody's work for good, and what a run cost is what
// the ledger says.

let factory: Factory;
const TIMES = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };
const SUBMIT: Turn = { tools: [{ submit: { summary: 'Done.', commitMessage: 'Multiply' } }] };
const LOOK: Turn = { tools: [{ bash: 'cat src/sum.js' }] };
const EDIT: Turn = { tools: [edit(TIMES)] };
/** Says nothing for longer than anything here waits. */
const SILENT: Turn = { ...EDIT, fault: { stall: 600_000, times: 1 } };
const CAPPED = 'Multiply within a budget';
const KILLED = 'Multiply with a runner that dies';
const CANCELLED = 'Multiply until cancelled';
const BILLED = 'Multiply at a price of its own';
const SIDE = 'Multiply and divide side by side';

const SLOW: Turn = { tools: [{ bash: 'sleep 15' }] };
/** What the ledger's and the runner's own tests show too. */
const LONG = { tags: ['long'] };
const TICKS: Turn[] = [1, 2, 3, 4, 5, 6].map((nth) => ({ tools: [{ bash: `sleep 2; echo ${nth}` }] }));
const DIVIDE = { path: 'src/over.js', text: 'exports.over = (a, b) => a / b;\n' };

const whole = (title: string, ...turns: Turn[]): Script[] => [
  ...[plans(title), says('implement', title, turns)],
  ...[approves(title), checks(title)],
];

beforeAll(async () => {
  factory = await startFactory({
    conversations: [
      ...whole(CAPPED, LOOK, EDIT, SUBMIT),
      ...whole(KILLED, LOOK, SILENT, SUBMIT),
      ...whole(CANCELLED, LOOK, SILENT, SUBMIT),
      // A hundred times the output that it was allowed.
      plans(SIDE, { id: 'times' }, { id: 'over' }),
      says('implement', SIDE, [LOOK, SLOW, EDIT, SUBMIT], { task: 'times' }),
      says('implement', SIDE, [LOOK, ...TICKS, { tools: [edit(DIVIDE)] }, SUBMIT], {
        task: 'over',
      }),
      ...[approves(SIDE), checks(SIDE)],
      ...whole(BILLED, LOOK, { ...EDIT, usage: { output: 3_200_000 } }, SUBMIT),
    ],
    env: { MILLWRIGHT_STALL_MS: '600000' },
  });
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const budget = async (scope: string): Promise<BudgetView> => {
  const line = (await factory.json<BudgetView[]>(['budget', 'show', '--all'])).find(
    (each) => each.scope === scope,
  );
  if (line === undefined) throw new Error(`nothing was counted in ${scope}`);
  return line;
};
const set = (scope: string, usd: string) => factory.json(['budget', 'set', scope, usd, '--reason', 'a test']);
const typesOf = (trail: readonly TrailLine[], type: string) =>
  trail.filter((line) => line.type === type).map(({ data }) => data as { turn: number });
async function given(name: string, title: string) {
  await factory.add(await factory.remote(name, ON_NODE));
  return factory.file(name, `# ${title}\n`);
}
/** Everything that was asked of a model has an outcome, and the run cost what the ledger says. */
async function accounted({ id, usage }: RunView): Promise<TrailLine[]> {
  const { spentUsd, overrunUsd, reservedUsd } = await budget(`run/${id}`);
  expect(reservedUsd).toBe(0);
  expect(usage.usd).toBeGreaterThan(0);
  expect(spentUsd + overrunUsd).toBeCloseTo(usage.usd, 6);
  const trail = await factory.trail(id);
  const asked = typesOf(trail, 'turn.asked').length;
  expect(typesOf(trail, 'turn.recorded').length + typesOf(trail, 'turn.lost').length).toBe(asked);
  return trail;
}

/** Each turn of each attempt is recorded once, and paid for once, though some were asked for again and again. */
async function paidOnce({ stages }: RunView, trail: readonly TrailLine[]): Promise<void> {
  const recorded = trail
    .filter((line) => line.type === 'turn.recorded')
    .map((line) => `${line.stream} ${(line.data as { turn: number }).turn}`);
  expect(new Set(recorded).size).toBe(recorded.length);
  const attempts = new Set(stages.map((stage) => stage.attemptId as string));
  const paid = (await factory.requests()).filter(({ paid, attempt }) => paid && attempts.has(attempt ?? ''));
  expect(paid.length).toBe(recorded.length);
}

it('a cap that is reached pauses the run and says what ends the pause; nothing that is recorded is paid again', async () => {
  const ticket = await given('capped', CAPPED);
  await set('repo/capped', '0.0001');
  const paused = await factory.runOf(ticket, (run) => run.state === 'waiting');
  expect(paused.reason).toMatch(/the budget of repo\/capped had \$0\.00 left.*goes on by itself/);
  expect(paused.acts).toEqual([{ act: 'set-budget', budget: 'repo/capped' }]);
  // Room for the first call, at its worst case, and for little more.
  const [plan] = typesOf(await factory.trail(paused.id), 'attempt.paused') as unknown as {
    needUsd: number;
  }[];
  await set('repo/capped', String((plan?.needUsd ?? 0) + 0.000_01));
  const again = await factory.runOf(
    ticket,
    (run) => run.state === 'waiting' && run.stages.some((stage) => stage.turns > 0),
  );
  expect(again.endedAt).toBeNull();
  await set('repo/capped', 'none');
  const done = await factory.runOf(ticket, (run) => run.endedAt !== null);
  expect(done, done.reason ?? '').toMatchObject({ state: 'done' });
  await paidOnce(done, await accounted(done));
});

/** Its implementer is, and its tester, who works beside it, is done. */
const inItsSecondTurn = (run: RunView): boolean =>
  run.stages.some(({ kind, turns }) => kind === 'implement' && turns === 1) &&
  run.stages.some(({ kind, state }) => kind === 'test' && state === 'done');

it('kill -9 of a runner in a call: what was reserved is settled within seconds, and the run goes on and adds up', async () => {
  const ticket = await given('killed', KILLED);
  const asking = await factory.runOf(ticket, inItsSecondTurn);
  await expect.poll(async () => (await budget(`run/${asking.id}`)).reservedUsd).toBeGreaterThan(0);
  await factory.kill('runner');
  const done = await factory.runOf(ticket, (run) => run.endedAt !== null);
  expect(done, done.reason ?? '').toMatchObject({ state: 'done' });
  const trail = await accounted(done);
  expect(typesOf(trail, 'turn.lost')).toMatchObject([{ turn: 2 }]);
  for (const scope of ['factory', 'repo/killed', `ticket/${ticket}`])
    expect((await budget(scope)).reservedUsd).toBe(0);
});

it('cancelled in a call: the call has an outcome, and the run cost what the ledger says', LONG, async () => {
  const ticket = await given('cancelled', CANCELLED);
  const asking = await factory.runOf(ticket, inItsSecondTurn);
  await expect.poll(async () => (await budget(`run/${asking.id}`)).reservedUsd).toBeGreaterThan(0);
  await factory.json(['run', 'cancel', asking.id, '--reason', 'enough']);
  const ended = await factory.runOf(ticket, (run) => run.endedAt !== null);
  expect(ended).toMatchObject({ state: 'cancelled' });
  const trail = await accounted(ended);
  expect(typesOf(trail, 'turn.lost')).toMatchObject([{ turn: 2 }]);
});

it(
  'an endpoint that bills more than a call may cost: spending stays at its worst case, and the rest is on the trail and counts',
  LONG,
  async () => {
    const ticket = await given('billed', BILLED);
    const done = await factory.runOf(ticket, (run) => run.endedAt !== null);
    const trail = await accounted(done);
    const { overrunUsd } = await budget(`run/${done.id}`);
    expect(overrunUsd).toBeGreaterThan(1);
    const over = trail.flatMap(({ data }) => (data as { overUsd?: number }).overUsd ?? []);
    expect(over).toEqual([expect.closeTo(overrunUsd, 4)]);
    expect((await factory.cli(['budget', 'show', '--all'])).stdout).toContain('overrun');
  },
);

it('tasks side by side: one runs into the cap while another works, then all wait; a raised cap lets each go on where it was', async () => {
  const ticket = await given('side', SIDE);
  const busy = await factory.runOf(
    ticket,
    ({ stages }) => stages.filter(({ kind, turns }) => kind === 'implement' && turns > 0).length === 2,
  );
  // The slow command of the one is under way; what the other asks next finds no room.
  await expect
    .poll(async () => {
      const asked = (await factory.requests()).filter(({ paid, turn }) => paid && turn === 1);
      return busy.stages.filter(({ attemptId }) => asked.some((one) => one.attempt === attemptId)).length;
    })
    .toBe(2);
  await set('repo/side', '0.0001');
  const paused = await factory.runOf(
    ticket,
    ({ state, stages }) => state === 'waiting' && stages.every((stage) => stage.state !== 'running'),
  );
  expect(paused.reason).toMatch(/the budget of repo\/side had/);
  const tasks = paused.stages.filter(({ kind }) => kind === 'implement');
  expect(tasks.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
  const before = await factory.trail(paused.id);
  const of = (type: string, at: number) =>
    before.find((line) => line.type === type && line.stream === `attempt/${tasks[at]?.attemptId}`)
      ?.position ?? 0;
  const [times, over] = tasks[0]?.task === 'times' ? [0, 1] : [1, 0];
  // The slow one was at work for longer than the other had room.
  expect(of('attempt.paused', over)).toBeGreaterThan(0);
  expect(of('attempt.paused', times)).toBeGreaterThan(of('attempt.paused', over));
  const asked = (await factory.requests()).length;
  const said = await factory.json<WhyView>(['run', 'why', paused.id]);
  expect(said).toMatchObject({
    next: {
      acts: expect.arrayContaining([expect.objectContaining({ act: 'set-budget', budget: 'repo/side' })]),
    },
  });
  expect((await factory.requests()).length).toBe(asked);

  await set('repo/side', 'none');
  const done = await factory.runOf(ticket, (run) => run.endedAt !== null);
  expect(done, done.reason ?? '').toMatchObject({ state: 'done' });
  // The same attempts went on, and nothing of either was made again.
  const implemented = done.stages.filter(({ kind }) => kind === 'implement');
  expect(implemented.map(({ attemptId }) => attemptId)).toEqual(tasks.map(({ attemptId }) => attemptId));
  await paidOnce(done, await accounted(done));
});
