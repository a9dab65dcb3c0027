import { expect, test } from 'vitest';
import { addPoint } from './points.ts';

const counted = (requests: number, errors: number, old: [number, number] | null) => ({
  new: { requests, errors },
  old: old && { requests: old[0], errors: old[1] },
});

test('a point is what was counted since the one before', () => {
  const one = addPoint([], 1, counted(100, 10, [10, 0]));
  const two = addPoint(one, 2, counted(200, 60, [10, 0]));
  // The same look, told once more.
  const three = addPoint(addPoint(two, 2, counted(999, 0, null)), 3, counted(5, 0, null));
  expect(three.map(({ fresh, old }) => [fresh, old])).toEqual([
    [10, 0],
    [50, null],
    [null, null],
  ]);
});
