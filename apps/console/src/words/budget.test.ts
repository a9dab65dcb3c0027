import { expect, test } from 'vitest';
import { capped, widestFirst } from './budget.ts';

const budget = { scope: 'repo/shop', capUsd: null, spentUsd: 4, overrunUsd: 0, reservedUsd: 1 };

test('a cap says what it leaves, before it is set', () => {
  expect(capped('8', budget)).toMatchObject({ cap: 8, says: expect.stringContaining('$3.00 are left') });
  expect(capped('$5', budget)).toMatchObject({ cap: 5, says: expect.stringContaining('nothing is left') });
  expect(capped(' ', budget)).toMatchObject({ cap: null, wrong: null });
  expect(capped('0', undefined)).toMatchObject({ cap: 0, wrong: null });
  for (const wrong of ['-1', 'ten', '1e9', 'NaN']) expect(capped(wrong, budget).wrong).not.toBeNull();
});

test('the widest scopes come first, and of the others the dearest', () => {
  const of = (scope: string, spentUsd: number) => ({ ...budget, scope, spentUsd });
  const all = [of('run/a', 1), of('run/b', 2), of('repo/shop', 0), of('factory', 0)];
  expect(widestFirst(all).map(({ scope }) => scope)).toEqual(['factory', 'repo/shop', 'run/b', 'run/a']);
});
