import { expect, it } from 'vitest';
import { type CaseResult, compare, figuresOf } from './figures.ts';
import { comparisonLine, markdown, svg } from './report.ts';

const result = (name: string, verdict: CaseResult['verdict']): CaseResult => ({
  ...{ name, verdict, why: 'merged | and\nmore', run: null, usd: 0.5, inputTokens: 10, outputTokens: 5 },
  ...{ turns: 3, sentBack: 0, ms: 2_000 },
});
const first = [result('a', 'solved'), result('b', 'wrongly_accepted')];
const second = [result('a', 'solved'), result('b', 'solved')];

it('is a table whose cells stay in their rows, and a picture whose text is no markup', () => {
  const text = markdown('one', first, figuresOf(first), null);
  expect(text).toContain('| b | wrongly accepted | merged \\| and more | 0.500 | 3 | 2 |');
  expect(text).toContain('| solved | 50 % (');
  expect(svg('<one> & two', figuresOf(first))).toContain('&lt;one&gt; &amp; two, 2 cases');
});

it('says which cases only one of two solves', () => {
  expect(comparisonLine({ ...compare(first, second), name: 'other' })).toBe(
    'Against other: both solve 1, neither 0; only this one 0, only that one 1 (b); exact McNemar p = 1.000.',
  );
});
