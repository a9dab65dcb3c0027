import { Act, RunStateName, RunView } from '@millwright/api';
import { expect, test } from 'vitest';
import { sayAct } from './acts.ts';
import { fits, RUN_STATES, readRunsSearch } from './runs-filter.ts';
import { markOf } from './state.ts';
import { readRunSearch } from './tabs.ts';
import { readTrailSearch } from './trail-filter.ts';

test('every state of a run has a sign of its tone, and can be filtered by', () => {
  expect([...RUN_STATES].sort()).toEqual([...RunStateName.options].sort());
  const marks = RUN_STATES.map((state) => markOf(state));
  // A tone is one sign, and a sign is one tone: nothing is told by colour alone.
  expect(new Set(marks.map(({ sign, tone }) => sign + tone)).size).toBe(
    new Set(marks.map(({ sign }) => sign)).size,
  );
  expect(markOf('rolled_back')).toEqual({ sign: '↩', tone: 'back' });
});

test('every act has words', () => {
  const some = {
    field: 'f',
    role: 'approver',
    scope: { kind: 'factory' },
    repo: 'shop',
    step: 3,
    name: 'KEY',
    model: 'm',
    limit: 'repo/shop',
  };
  for (const option of Act.options) {
    const act = Act.parse({ ...some, id: 'run_1', again: false, act: option.shape.act.value });
    const { text, place } = sayAct({ ...act, to: 'to go on' });
    expect(text).toMatch(/^[A-Z].*, to go on$/);
    expect(place ?? '/').toMatch(/^\//);
  }
});

const run = RunView.partial().parse({ state: 'failed', title: 'Add a Discount', repo: 'shop' }) as RunView;

test('an address filters runs by state and words, and what does not fit in it is left out', () => {
  expect(readRunsSearch({ state: 'failed', repo: '', words: 7 })).toEqual({ state: 'failed' });
  expect(readRunsSearch({ state: '__proto__' })).toEqual({});
  expect(fits(run, {})).toBe(true);
  expect(fits(run, { state: 'failed', words: 'discount shop' })).toBe(true);
  expect(fits(run, { words: 'discount nowhere' })).toBe(false);
  expect(fits(run, { state: 'done' })).toBe(false);
  expect(readRunSearch({ tab: 'diff' })).toEqual({ tab: 'diff' });
  expect(readRunSearch({ tab: 'overview' })).toEqual({});
  expect(readTrailSearch({ run: 'run_1', before: '12' })).toEqual({ run: 'run_1', before: 12 });
  expect(readTrailSearch({ before: '-1' })).toEqual({});
});
