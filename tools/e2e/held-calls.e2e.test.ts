import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BudgetView } from '@millwright/api';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { type Edit, goesWell, type Script } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import { type HeldModel, startHeldModel } from './held-model.ts';
import { pidsOf } from './kill/processes.ts';

// Calls of a model that come at once, or end while something else is away, through the whole factory.

let factory: Factory;
let model: HeldModel;

const KEY = 'the-key';
const TIMES: Edit = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };
const AT_ONCE = 8;
const titleOf = (nth: number) => `Multiply at once, ${nth}`;
const CRASHED = 'Multiply while the database is away';
const CANCELLED = 'Multiply until the probe is cancelled';
const AFTER = 'Multiply after it';
const STEERED = 'Multiply as a person says';
const REFUSED = 'Multiply where the probe may cost nothing';
/** So many failures in a row open the breaker (libs/agents/src/model/breaker.ts); what comes then, alone, is its probe. */
const FAILURES = 5;

/** A plan that is billed a hundred times the output that it was allowed. */
function billed(nth: number): Script[] {
  const [plan, ...rest] = goesWell(titleOf(nth), [TIMES]);
  if (plan === undefined) throw new Error('no plan');
  return [
    { ...plan, turns: plan.turns.map((turn) => ({ ...turn, usage: { output: 12_800_000 } })) },
    ...rest,
  ];
}

beforeAll(async () => {
  const scripts = [CRASHED, CANCELLED, AFTER, REFUSED, STEERED].flatMap((title) => goesWell(title, [TIMES]));
  const many = Array.from({ length: AT_ONCE }, (_, nth) => billed(nth)).flat();
  model = await startHeldModel([...scripts, ...many], KEY);
  factory = await startFactory({
    model: { url: model.url, key: KEY },
    env: { MILLWRIGHT_RUNNER_CONCURRENCY: String(AT_ONCE), MILLWRIGHT_STALL_MS: '600000' },
  });
});
afterAll(async () => {
  await factory?.close();
  await model?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));
afterEach(() => model.calls());

const budget = async (scope: string): Promise<BudgetView> => {
  const lines = await factory.json<BudgetView[]>(['budget', 'show', '--all']);
  const line = lines.find((each) => each.scope === scope);
  if (line === undefined) throw new Error(`nothing was counted in ${scope}`);
  return line;
};
const set = (scope: string, usd: string) => factory.json(['budget', 'set', scope, usd, '--reason', 'a test']);

async function given(name: string, title: string): Promise<string> {
  await factory.add(await factory.remote(name, ON_NODE));
  return factory.file(name, `# ${title}\n`);
}
const done = async (ticket: string): Promise<void> => {
  const run = await factory.runOf(ticket, ({ endedAt }) => endedAt !== null);
  expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
};

/** Opens the breaker: `last` is waited for before the failure that does. What becomes of the probe is the caller's to say. */
function opens(
  probe: () => 'answered' | Promise<'answered'>,
  last: Promise<unknown> = Promise.resolve(),
): void {
  let failed = 0;
  model.calls(async () => {
    if (failed === FAILURES) return probe();
    failed += 1;
    if (failed === FAILURES) await last;
    return 'overloaded';
  });
}
/** Opens the breaker and gives back its probe, once that has come, with what answers it. */
function probed(): Promise<() => void> {
  const came = Promise.withResolvers<() => void>();
  opens(() => new Promise((resolve) => came.resolve(() => resolve('answered'))));
  return came.promise;
}
const runner = () => pidsOf(factory.data, 'runner');

it('the database is away when the probe of a breaker is answered: the same runner asks on, and the run is done', async () => {
  const before = runner();
  const probe = probed();
  const ticket = await given('crashed', CRASHED);
  const answer = await probe;
  const { folder } = JSON.parse(readFileSync(join(factory.data, 'database.json'), 'utf8')) as {
    folder: string;
  };
  const [pid] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  model.calls();
  answer();
  await done(ticket);
  expect(runner()).toEqual(before);
});

it('what a person says to an agent at work is in what it is asked next, and on the trail', async () => {
  const held = Promise.withResolvers<() => void>();
  const SAID = 'multiply by adding';
  let [first, heard] = [true, 0];
  model.calls((body) => {
    if (body.includes(SAID)) heard += 1;
    if (!body.includes('submit_change') || !first) return 'answered';
    first = false;
    return new Promise((resolve) => held.resolve(() => resolve('answered')));
  });
  const ticket = await given('steered', STEERED);
  const answer = await held.promise;
  const { id } = await factory.runOf(ticket, () => true);
  await factory.json(['run', 'steer', id, SAID]);
  answer();
  await done(ticket);
  expect(heard).toBeGreaterThan(0);
  expect((await factory.trail(id)).map(({ type }) => type)).toContain('run.steered');
});

it('the probe of a breaker is cancelled with its run: the next call probes', { tags: ['long'] }, async () => {
  const before = runner();
  const probe = probed();
  const ticket = await given('cancelled', CANCELLED);
  await probe;
  model.calls();
  const { id } = await factory.runOf(ticket, () => true);
  await factory.json(['run', 'cancel', id, '--reason', 'enough']);
  await factory.runOf(ticket, ({ endedAt }) => endedAt !== null);
  await done(await factory.file('cancelled', `# ${AFTER}\n`));
  expect(runner()).toEqual(before);
});

it('the probe of a breaker is refused by a budget: once that is raised it is made', {
  tags: ['long'],
}, async () => {
  const before = runner();
  const capped = Promise.withResolvers<void>();
  opens(() => 'answered', capped.promise);
  const ticket = await given('refused', REFUSED);
  await set('repo/refused', '0.0001');
  capped.resolve();
  const waits = await factory.runOf(ticket, ({ state }) => state === 'waiting');
  expect(waits.reason).toMatch(/the budget of repo\/refused had/);
  model.calls();
  await set('repo/refused', 'none');
  await done(ticket);
  expect(runner()).toEqual(before);
});

it('eight calls at once whose answers cost far more than they may: never over the cap, and nothing more is asked', {
  tags: ['long'],
}, async () => {
  const answers: (() => void)[] = [];
  model.calls(() => new Promise((resolve) => answers.push(() => resolve('answered'))));
  await factory.add(await factory.remote('eight', ON_NODE));
  const tickets = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, nth) => factory.file('eight', `# ${titleOf(nth)}\n`)),
  );
  await expect.poll(() => answers.length, { timeout: 580_000 }).toBe(AT_ONCE);
  // Room for exactly those.
  const { reservedUsd: cap } = await budget('repo/eight');
  await set('repo/eight', String(cap));
  model.calls();
  const asked = model.requests().length;
  for (const answer of answers) answer();

  const paused = async () => {
    const { spentUsd, reservedUsd } = await budget('repo/eight');
    expect(spentUsd + reservedUsd).toBeLessThanOrEqual(cap + 1e-9);
    const runs = await Promise.all(tickets.map((ticket) => factory.runOf(ticket, () => true)));
    return runs.filter(
      ({ state, reason }) => state === 'waiting' && /budget of repo\/eight had/.test(reason ?? ''),
    ).length;
  };
  await expect.poll(paused, { timeout: 580_000, interval: 500 }).toBe(AT_ONCE);
  const end = await budget('repo/eight');
  expect(end).toMatchObject({ reservedUsd: 0, spentUsd: expect.closeTo(cap, 6) });
  expect(end.overrunUsd).toBeGreaterThan(cap);
  expect(model.requests().length - asked).toBe(AT_ONCE);

  // All that was billed counts against a cap that is raised; without one, what is not cancelled goes on.
  await set('repo/eight', String(end.spentUsd + end.overrunUsd));
  const [first, ...others] = tickets as [string, ...string[]];
  for (const ticket of others) {
    const { id } = await factory.runOf(ticket, () => true);
    await factory.json(['run', 'cancel', id, '--reason', 'enough']);
  }
  await factory.runOf(first, ({ state }) => state === 'waiting');
  expect(model.requests().length - asked).toBe(AT_ONCE);
  await set('repo/eight', 'none');
  await done(first);
});
