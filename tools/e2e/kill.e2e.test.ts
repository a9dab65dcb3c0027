import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryType } from '@millwright/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, courseOf } from './kill/check.ts';
import { Lane, troubles } from './kill/lane.ts';
import { after, before, ORCHESTRATORS, RECORDS_OF_EFFECTS, RUNNERS, spread, UNDOING } from './kill/points.ts';
import { type Point, said } from './kill/trap.ts';

// Issue 2 and THREATS 1-3, 5, 11: one thin run, repeated with the orchestrator or the runner killed (-9) after each type of entry, and
// before the entries that record an effect. Up to twelve kills of a process share a run, on factories whose supervisor forgives as many.
// `npm run test:kill` does every entry.

const MS = 900_000;
const PER_RUN = 12;

type Case = { kind: 'done' | 'rolled_back'; points: Point[] };
const done = (points: Point[]): Case => ({ kind: 'done', points });

const orchestrators = spread(
  [
    ...after('orchestrator', ...ORCHESTRATORS, 'attempt.closed'),
    ...before('orchestrator', ...RECORDS_OF_EFFECTS),
  ],
  PER_RUN,
);
const runners = [
  after('runner', ...RUNNERS),
  [...after('runner', 'attempt.opened'), ...before('runner', 'turn.recorded', 'attempt.closed')],
];
const undoing = spread(
  [...after('orchestrator', ...UNDOING), ...before('orchestrator', 'revert.finished')],
  PER_RUN,
);
const cases: Case[] = [
  ...orchestrators.map((points, index) => done([...points, ...(runners[index] ?? [])])),
  ...undoing.map((points): Case => ({ kind: 'rolled_back', points })),
];

const LANES = 2;
const lanes: Lane[] = [];
const idle: Lane[] = [];
const course: Record<Case['kind'], string[]> = { done: [], rolled_back: [] };
const types = new Set<string>();

/** The next factory that is free. */
async function freeLane(): Promise<Lane> {
  for (;;) {
    const lane = idle.shift();
    if (lane !== undefined) return lane;
    await sleep(100);
  }
}

async function run(lane: Lane, { kind, points }: Case) {
  const ended = await lane.run(kind, points);
  return {
    ended,
    found: await check(lane, ended, points.length, course[kind].length === 0 ? null : course[kind]),
  };
}

beforeAll(async () => {
  lanes.push(...(await Promise.all(Array.from({ length: LANES }, () => Lane.start()))));
  await Promise.all(
    lanes.map(async (lane, index) => {
      const from = Number(
        (await lane.database.ask('select count(*)::int as n from millwright.entries'))[0]?.n,
      );
      const clean = await run(lane, done([]));
      expect(clean.found).toEqual([]);
      if (index !== 0) return;
      course.done = courseOf(clean.ended);
      const undone = await run(lane, { kind: 'rolled_back', points: [] });
      expect(undone.found).toEqual([]);
      course.rolled_back = courseOf(undone.ended);
      for (const { type } of await lane.database.ask(
        `select distinct type from millwright.entries where position > ${from} and type !~ '^(repo|factory)'`,
      ))
        types.add(String(type));
    }),
  );
  idle.push(...lanes);
}, MS);
afterAll(() => Promise.all(lanes.map((lane) => lane.close())), MS);

it('kills after every type of entry that the clean runs have', () => {
  const killed = new Set<string>(
    cases
      .flatMap(({ points }) => points)
      .filter((one) => one.moment === 'after')
      .map((one) => one.type),
  );
  expect([...types].filter((type) => !killed.has(type))).toEqual([]);
  expect([...killed].filter((type) => !types.has(type as EntryType))).toEqual([]);
});

describe.concurrent('killed', () => {
  it.for(cases.map((one) => ({ ...one, name: one.points.map(said).join(', ') })))(
    '$name: the run is $kind as without a kill',
    { timeout: MS },
    async (one, { expect: mine }) => {
      const lane = await freeLane();
      try {
        const { found } = await run(lane, one);
        if (found.length > 0) throw new Error(found.join('\n'));
        mine(found).toEqual([]);
      } catch (error) {
        lane.leavePlace();
        throw new Error(`${error}\n${troubles(lane)}`);
      } finally {
        idle.push(lane);
      }
    },
  );
});
