import type { Actor, RepoName, RunId } from '@millwright/domain';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type TrailFilter, TrailIndex } from './trail-index.ts';

const RUNS = ['run_a', 'run_b'] as RunId[];
const REPOS = ['shop', 'bank'] as RepoName[];
const ACTORS = ['orchestrator', 'agent/plan', 'agent/test', 'per_ada'] as Actor[];
const TYPES = ['gate.asked', 'gate.decided', 'run.opened'];

const entry = fc.record({
  run: fc.constantFrom(null, ...RUNS),
  repo: fc.constantFrom(null, ...REPOS),
  actor: fc.constantFrom(...ACTORS),
  type: fc.constantFrom(...TYPES),
  at: fc.integer({ min: 0, max: 40 }),
});
const filter = fc.record(
  {
    run: fc.constantFrom(...RUNS, 'run_none' as RunId),
    repo: fc.constantFrom(...REPOS),
    actors: fc.uniqueArray(fc.constantFrom<string>(...ACTORS, 'agent/', 'runner/'), { minLength: 1 }),
    types: fc.uniqueArray(fc.constantFrom('gate.', ...TYPES), { minLength: 1 }),
    from: fc.integer({ min: 0, max: 40 }),
    to: fc.integer({ min: 0, max: 40 }),
  },
  { requiredKeys: [] },
);
type Of<T> = T extends fc.Arbitrary<infer U> ? U : never;

const starts = (names: readonly string[] | undefined, value: string) =>
  names === undefined || names.some((name) => (/[./]$/.test(name) ? value.startsWith(name) : value === name));

const fits = (one: Of<typeof entry>, wanted: TrailFilter) =>
  (wanted.run === undefined || one.run === wanted.run) &&
  (wanted.repo === undefined || one.repo === wanted.repo) &&
  starts(wanted.actors, one.actor) &&
  starts(wanted.types, one.type) &&
  one.at >= (wanted.from ?? 0) &&
  one.at < (wanted.to ?? Number.POSITIVE_INFINITY);

function indexOf(entries: readonly Of<typeof entry>[]): TrailIndex {
  const index = new TrailIndex();
  for (const [at, one] of entries.entries()) index.add({ ...one, position: at + 1 }, one);
  return index;
}

it('finds what looking at every entry finds, whatever is asked for, in both directions', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 60 }),
      filter,
      fc.record({
        after: fc.integer({ min: 0, max: 61 }),
        before: fc.integer({ min: 0, max: 62 }),
        limit: fc.integer({ min: 1, max: 10 }),
        newest: fc.boolean(),
      }),
      (entries, wanted, page) => {
        const all = entries
          .map((one, at) => ({ one, position: at + 1 }))
          .filter(({ one, position }) => position > page.after && position < page.before && fits(one, wanted))
          .map(({ position }) => position);
        const expected = (page.newest ? all.reverse() : all).slice(0, page.limit);
        expect(indexOf(entries).page(wanted, page)).toEqual(expected);
      },
    ),
    { numRuns: 2_000 },
  );
});

it('pages through a long trail without missing or repeating an entry, though clocks disagree', () => {
  const entries = Array.from({ length: 5_000 }, (_, i) => ({
    run: RUNS[i % 7] ?? null,
    repo: REPOS[i % 3] ?? null,
    actor: ACTORS[i % 4] as Actor,
    type: TYPES[i % 3] as string,
    at: i + (i % 500 === 0 ? 3_000 : 0),
  }));
  const index = indexOf(entries);
  const wanted: TrailFilter = { repo: REPOS[1] as RepoName, actors: ['agent/'], from: 1_000, to: 4_200 };
  const seen: number[] = [];
  for (let after = 0; ; ) {
    const page = index.page(wanted, { after, before: Number.POSITIVE_INFINITY, limit: 7, newest: false });
    if (page.length === 0) break;
    seen.push(...page);
    after = page.at(-1) ?? 0;
  }
  expect(seen).toEqual(entries.flatMap((one, i) => (fits(one, wanted) ? [i + 1] : [])));
});
