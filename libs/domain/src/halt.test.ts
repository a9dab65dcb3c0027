import { expect, test } from 'vitest';
import type { Entry, HaltScope } from './entries/index.ts';
import { evolveHalts, type Halts, haltedMs, haltOf, inForceHalts, type PlacedAct } from './halt.ts';
import type { Actor, RepoName, UnitName } from './ids.ts';
import { DEFAULT_UNIT } from './unit.ts';

const [shop, other] = ['shop', 'other'] as RepoName[] as [RepoName, RepoName];
const payments = 'payments' as UnitName;
const ann = 'per_annannann' as Actor;
const said = (type: 'factory.halted' | 'factory.resumed', scope?: HaltScope): Entry => ({
  type,
  data: { ...(scope === undefined ? {} : { scope }), reason: 'so' },
});
const fold = (...entries: [at: number, Entry][]): Halts =>
  entries.reduce<Halts>((halts, [at, entry]) => evolveHalts(halts, entry, { at, actor: ann }), []);
const act = (more: Partial<PlacedAct> = {}): PlacedAct => ({
  action: 'stage',
  repo: shop,
  unit: DEFAULT_UNIT,
  model: 'm',
  ...more,
});

test.each<[string, HaltScope | undefined, PlacedAct, boolean]>([
  ['the factory stops everything', undefined, act(), true],
  ['a repository its own', { kind: 'repo', repo: shop }, act(), true],
  ['a repository no other', { kind: 'repo', repo: other }, act(), false],
  ['a repository nothing that is of none', { kind: 'repo', repo: shop }, act({ repo: null }), false],
  ['a unit what is of it', { kind: 'unit', unit: payments }, act({ unit: payments }), true],
  ['a unit no other', { kind: 'unit', unit: payments }, act(), false],
  [
    'a unit nothing that is of none',
    { kind: 'unit', unit: DEFAULT_UNIT },
    act({ repo: null, unit: null }),
    false,
  ],
  ['an action every one of its kind', { kind: 'action', action: 'stage' }, act(), true],
  ['an action no other kind', { kind: 'action', action: 'deploy' }, act(), false],
  ['a model its calls', { kind: 'model', model: 'm' }, act(), true],
  ['a model no other, nor what is not known', { kind: 'model', model: 'm' }, act({ model: null }), false],
])('a halt of %s', (_name, scope, what, stops) => {
  const halts = fold([1, said('factory.halted', scope)]);
  expect(haltOf(halts, what) !== null).toBe(stops);
  expect(haltOf(evolveHalts(halts, said('factory.resumed', scope), { at: 2, actor: ann }), what)).toBeNull();
});

test('halts are lifted by their own scope alone, all of it', () => {
  const repo: HaltScope = { kind: 'repo', repo: shop };
  const both = fold(
    [1, said('factory.halted')],
    [2, said('factory.halted', repo)],
    [3, said('factory.halted')],
  );
  expect(inForceHalts(both)).toHaveLength(3);
  const left = evolveHalts(both, said('factory.resumed'), { at: 4, actor: ann });
  expect(inForceHalts(left)).toMatchObject([{ scope: repo, at: 2 }]);
  expect(haltOf(left, act())).toMatchObject({ scope: repo });
});

test('the time of halts that overlap counts once, and only within what is asked about', () => {
  const repo: HaltScope = { kind: 'repo', repo: shop };
  const halts = fold(
    [10, said('factory.halted')],
    [20, said('factory.halted', repo)],
    [30, said('factory.resumed')],
    [40, said('factory.resumed', repo)],
    [50, said('factory.halted', { kind: 'repo', repo: other })],
    [60, said('factory.halted')],
  );
  expect(haltedMs(halts, act(), 0, 55)).toBe(30);
  expect(haltedMs(halts, act(), 15, 35)).toBe(20);
  expect(haltedMs(halts, act(), 0, 100)).toBe(70);
  expect(haltedMs(halts, act({ repo: other }), 0, 58)).toBe(28);
});
