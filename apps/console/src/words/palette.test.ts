import { expect, test } from 'vitest';
import { type Entry, matching } from './palette.ts';

const entry = (id: string, kind: string, name: string, words = ''): Entry => ({
  ...{ id, kind, name, words, command: null },
});
const ALL = [
  entry('home', 'page', 'Home'),
  entry('runs', 'page', 'Runs'),
  entry('r1', 'run', 'Show the tax', 'run_0mx shop'),
  entry('t1', 'ticket', 'Show the tax', 'tkt_0mx shop'),
  entry('r2', 'run', 'Home page in green', 'run_0my web'),
];
const found = (typed: string) => matching(ALL, typed).map(({ id }) => id);

test('each word is somewhere in kind, name or words; what begins so comes first, else the order stands', () => {
  expect(found('')).toEqual(['home', 'runs', 'r1', 't1', 'r2']);
  expect(found('TAX run')).toEqual(['r1']);
  expect(found('run_0m')).toEqual(['r1', 'r2']);
  expect(found('run')).toEqual(['runs', 'r1', 'r2']);
  expect(found('green home')).toEqual(['r2']);
  expect(found('nothing')).toEqual([]);
});

test('no more than fit', () => {
  expect(
    matching(
      Array.from({ length: 50 }, (_, nth) => entry(`r${nth}`, 'run', 'One')),
      'one',
    ),
  ).toHaveLength(12);
});
