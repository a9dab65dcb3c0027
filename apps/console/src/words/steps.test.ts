import { STEP_NAMES } from '@millwright/api';
import { expect, test } from 'vitest';
import doc from '../../../../docs/steps.md?raw';
import { between, STEP_ROWS } from './steps.ts';

const cells = doc
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('what a step means here is what the document says, and the rows that are left out are the same at each', () => {
  // `0–2` of the document is three steps.
  const told = cells
    .filter((row) => row.length === 7)
    .slice(2)
    .map(([name = '', low = '', ...rest]) => ({ name, by: [low, low, low, ...rest] }));
  const differ = told.filter(({ by }) => new Set(by).size > 1);
  expect(differ.length).toBeGreaterThan(5);
  expect(STEP_ROWS).toEqual(differ);
  expect(cells.filter((row) => /^\d$/.test(row[0] ?? '')).map((row) => row[1])).toEqual([...STEP_NAMES]);
});

test('from one step to the same nothing differs, and back is forth the other way', () => {
  for (let from = 0; from < 8; from += 1)
    for (let to = 0; to < 8; to += 1) {
      if (from === to) expect(between(from, to)).toEqual([]);
      expect(between(to, from)).toEqual(
        between(from, to).map(({ name, was, will }) => ({ name, was: will, will: was })),
      );
    }
  expect(between(5, 6).map(({ name }) => name)).toContain('merge low risk');
});
