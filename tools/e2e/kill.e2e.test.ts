import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryType } from '@millwright/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, courseOf } from './kill/check.ts';
import { after, before, ORCHESTRATORS, RECORDS_OF_EFFECTS, RUNNERS, spread, UNDOING } from './kill/points.ts';
import { TestBed, troubles } from './kill/test-bed.ts';
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

const BEDS = 2;
const beds: TestBed[] = [];
const idle: TestBed[] = [];
const course: Record<Case['kind'], string[]> = { done: [], rolled_back: [] };
const types = new Set<string>();

/** The next factory that is free. */
async function freeLane(): Promise<TestBed> {
  for (;;) {
    const bed = idle.shift();
    if (bed !== undefined) return bed;
    await sleep(100);
  }
}

async function run(bed: TestBed, { kind, points }: Case) {
  const ended = await bed.run(kind, points);
  return {
    ended,
    found: await check(bed, ended, points.length, course[kind].length === 0 ? null : course[kind]),
  };
}

beforeAll(async () => {
  beds.push(...(await Promise.all(Array.from({ length: BEDS }, () => TestBed.start()))));
  await Promise.all(
    beds.map(async (bed, index) => {
      const from = Number(
        (await bed.database.ask('select count(*)::int as n from millwright.entries'))[0]?.n,
      );
      const clean = await run(bed, done([]));
      expect(clean.found).toEqual([]);
      if (index !== 0) return;
      course.done = courseOf(clean.ended);
      const undone = await run(bed, { kind: 'rolled_back', points: [] });
      expect(undone.found).toEqual([]);
      course.rolled_back = courseOf(undone.ended);
      for (const { type } of await bed.database.ask(
        `select distinct type from millwright.entries where position > ${from} and type !~ '^(repo|factory)'`,
      ))
        types.add(String(type));
    }),
  );
  idle.push(...beds);
}, MS);
afterAll(() => Promise.all(beds.map((bed) => bed.close())), MS);

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
      const bed = await freeLane();
      try {
        const { found } = await run(bed, one);
        if (found.length > 0) throw new Error(found.join('\n'));
        mine(found).toEqual([]);
      } catch (error) {
        bed.leavePlace();
        throw new Error(`${error}\n${troubles(bed)}`);
      } finally {
        idle.push(bed);
      }
    },
  );
});
