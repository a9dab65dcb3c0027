import { expect, test } from 'vitest';
import { stepsBesideBase, stepsText } from './steps.ts';

const STEPS = ['xo', 'ava', 'tsd'];

test.each([
  [STEPS, 0, '`xo` failed; `ava` and `tsd` were not run'],
  [STEPS, 1, '`ava` failed; before it `xo` passed; `tsd` was not run'],
  [STEPS, 2, '`tsd` failed; before it `xo` and `ava` passed'],
  [[...STEPS, 'a', 'b', 'c'], 0, '`xo` failed; `ava`, `tsd`, `a`, `b` and 1 more were not run'],
  [['x'.repeat(100), 'y'], 0, `\`${'x'.repeat(80)}…\` failed; \`y\` was not run`],
  [STEPS, null, null],
  [['xo'], 0, null],
  // Nobody leaves as many marks, but code of the tree.
  [STEPS, 3, null],
])('of %j, %s ended well', (steps, passed, said) => {
  expect(stepsText(steps, passed)).toBe(said);
});

test.each([
  [0, 0, '`xo` failed; `ava` and `tsd` were not run; so it is on the base'],
  [1, 0, '`ava` failed; before it `xo` passed; `tsd` was not run; on the base it is `xo` that fails'],
  [1, null, '`ava` failed; before it `xo` passed; `tsd` was not run'],
  [null, 0, null],
])('%s here and %s on the base', (passed, base, said) => {
  expect(stepsBesideBase(STEPS, { passed, base })).toBe(said);
});
