import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundOf, nextOf, repoKey, type Sharing, unitKey } from './share.ts';

type Stage = { id: number; repo: string; unit: string; needs?: readonly string[] };

/** Repositories r0 … r5 of units u0 … u2. */
const stage = fc.integer({ min: 0, max: 5 }).map((n) => ({ repo: `r${n}`, unit: `u${n % 3}` }));
const limits = fc
  .dictionary(
    fc.constantFrom('factory', 'unit/u0', 'unit/u1', 'repo/r0', 'repo/r1', 'repo/r4'),
    fc.integer({ min: 0, max: 4 }),
  )
  .map((found) => new Map(Object.entries(found)));

/** Hands out all that may begin, as `nextOf` says, and counts turns. */
function handOut(sharing: Sharing<Stage>, turn = 0): Sharing<Stage> & { turn: number; given: Stage[] } {
  let now = sharing;
  const given: Stage[] = [];
  for (;;) {
    const next = nextOf(now);
    if (next === null) return { ...now, turn, given };
    turn += 1;
    given.push(next);
    now = {
      ...now,
      waiting: now.waiting.filter((one) => one !== next),
      atWork: [...now.atWork, next],
      served: new Map([...now.served, [unitKey(next), turn], [repoKey(next), turn]]),
    };
  }
}

const numbered = (stages: readonly Omit<Stage, 'id'>[]): Stage[] => stages.map((one, id) => ({ ...one, id }));
const begin = (waiting: readonly Stage[], with_: Partial<Sharing<Stage>> = {}): Sharing<Stage> => ({
  ...{ waiting, atWork: [], limits: new Map(), places: null, served: new Map() },
  ...with_,
});

test('what is handed out is within every limit, and nothing that may begin is left while there is room', () => {
  fc.assert(
    fc.property(fc.array(stage, { maxLength: 30 }), limits, (stages, bounds) => {
      const end = handOut(begin(numbered(stages), { limits: bounds }));
      for (const [scope, of] of bounds) {
        const there = end.atWork.filter(
          (one) => scope === 'factory' || unitKey(one) === scope || repoKey(one) === scope,
        );
        expect(there.length).toBeLessThanOrEqual(of);
      }
      for (const one of end.waiting) expect(boundOf(end, one)).not.toBeNull();
      expect(end.given.length + end.waiting.length).toBe(stages.length);
    }),
  );
});

test('in a repository the oldest run goes first', () => {
  fc.assert(
    fc.property(fc.array(stage, { maxLength: 30 }), limits, (stages, bounds) => {
      const { given } = handOut(begin(numbered(stages), { limits: bounds }));
      for (const repo of new Set(stages.map((one) => one.repo))) {
        const ids = given.filter((one) => one.repo === repo).map(({ id }) => id);
        expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      }
    }),
  );
});

test('nobody starves: beside any flood a stage begins within a turn of each repository and place', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 5 }),
      fc.infiniteStream(fc.nat({ max: 5 })),
      (room, flood, late, ends) => {
        const of = (n: number, id: number): Stage => ({ id, repo: `r${n}`, unit: `u${n % 3}` });
        let now = handOut(begin(flood.map(of), { limits: new Map([['factory', room]]) }));
        const mine = of(late, -1);
        now = { ...now, waiting: [...now.waiting, mine] };
        let id = flood.length;
        let turns = 0;
        while (now.waiting.includes(mine)) {
          // Any of those at work ends, those that began first within `room` ends; the flood goes on for ever.
          const ended = now.atWork[turns % room === 0 ? 0 : (ends.next().value ?? 0) % now.atWork.length];
          const more = [0, 1, 2, 3, 4, 5].filter((n) => n !== late).map((n) => of(n, id++));
          const rest = {
            ...now,
            atWork: now.atWork.filter((one) => one !== ended),
            waiting: [...now.waiting, ...more],
          };
          now = handOut(rest, now.turn);
          turns += 1;
          // Ahead of it in its repository: what waited before; else a round of each unit and repository, a place at a time.
          expect(turns).toBeLessThanOrEqual((flood.length + 6) * 6 * room);
        }
      },
    ),
  );
});

test('a unit with one ticket is next after one turn of a unit with a thousand', () => {
  const flood = Array.from({ length: 1_000 }, (_, id) => ({ id, repo: `big${id % 10}`, unit: 'big' }));
  const busy = handOut(begin(flood, { limits: new Map([['factory', 4]]) }));
  const small = { id: 1_000, repo: 'small', unit: 'small' };
  const ended = { ...busy, atWork: busy.atWork.slice(1), waiting: [...busy.waiting, small] };
  expect(handOut(ended, busy.turn).given).toEqual([small]);
});

test('no more is given out than there are places that fit, and what a runner fits is not held back while it has one', () => {
  const label = fc.constantFrom('gpu', 'arm', 'trusted');
  const needy = fc.record({ stage, needs: fc.uniqueArray(label, { maxLength: 2 }) });
  const runners = fc.array(fc.record({ has: fc.uniqueArray(label), of: fc.integer({ min: 1, max: 3 }) }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.array(needy, { maxLength: 20 }), runners, (wanted, there) => {
      const places = there.map(({ has, of }) => ({ labels: new Set<string>(has), of }));
      const stages = wanted.map(({ stage: at, needs }, id) => ({ ...at, id, needs }));
      const end = handOut({ ...begin(stages), places });
      const room = (needs: readonly string[]) =>
        places.reduce((sum, { labels, of }) => sum + (needs.every((one) => labels.has(one)) ? of : 0), 0);
      expect(end.atWork.length).toBeLessThanOrEqual(room([]));
      for (const { needs = [] } of end.atWork) {
        const same = end.atWork.filter((one) => needs.every((need) => one.needs?.includes(need)));
        expect(same.length).toBeLessThanOrEqual(room(needs));
      }
      for (const one of end.waiting) {
        const bound = boundOf(end, one);
        expect(bound).toEqual({ kind: 'places', needs: one.needs, of: room(one.needs ?? []) });
        // What could be done by others alone takes nothing from it.
        if (end.atWork.length === 0) expect(room(one.needs ?? [])).toBe(0);
      }
    }),
  );
});
