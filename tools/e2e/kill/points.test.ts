import fc from 'fast-check';
import { expect, it } from 'vitest';
import { grouped } from './points.ts';
import type { Point } from './trap.ts';

const point = fc.record({
  type: fc.constantFrom('gate.asked', 'turn.recorded', 'stage.closed', 'merge.finished'),
  skip: fc.nat(30),
  victim: fc.constantFrom('orchestrator' as const, 'runner' as const),
  moment: fc.constantFrom('after' as const, 'before' as const),
}) satisfies fc.Arbitrary<Point>;

it('gives every kill one run, none to two at the same entry, and none to more of one process than may die in it', () => {
  fc.assert(
    fc.property(fc.array(point, { maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (points, size) => {
      const runs = grouped(points, size);
      expect(runs.flat()).toHaveLength(points.length);
      expect(new Set(runs.flat())).toEqual(new Set(points));
      for (const run of runs) {
        expect(new Set(run.map(({ type, skip }) => `${type} ${skip}`)).size).toBe(run.length);
        for (const victim of ['orchestrator', 'runner'])
          expect(run.filter((one) => one.victim === victim).length).toBeLessThanOrEqual(size);
      }
    }),
  );
});
