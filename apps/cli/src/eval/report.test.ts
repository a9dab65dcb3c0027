import { expect, it } from 'vitest';
import { type CaseResult, compare, figuresOf } from './figures.ts';
import { comparisonLine, comparisonMarkdown, markdown, svg } from './report.ts';

const result = (name: string, verdict: CaseResult['verdict']): CaseResult => ({
  ...{ name, verdict, why: 'merged | and\nmore', run: null, usd: 0.5, inputTokens: 10, outputTokens: 5 },
  ...{ turns: 3, calls: 4, sentBack: 0, sentBackChanges: { rightly: 0, wrongly: 2, unknown: 1 }, ms: 2_000 },
});
const first = [result('a', 'solved'), result('b', 'wrongly_accepted')];
const second = [result('a', 'solved'), result('b', 'solved')];

it('is a table whose cells stay in their rows, and a picture whose text is no markup', () => {
  const text = markdown('one', first, figuresOf(first), null);
  expect(text).toContain('| b | wrongly accepted | merged \\| and more | 0.500 | 3 | 2 |');
  expect(text).toContain('| solved | 50 % (');
  expect(text).toContain('| changes sent back wrongly | 4 of 4, 100 % (51–100) |');
  expect(text).toContain('| changes sent back, unknown | 2 |');
  expect(svg('<one> & two', [{ name: '', figures: figuresOf(first) }])).toContain(
    '&lt;one&gt; &amp; two, 2 cases',
  );
});

it('says which cases only one of two solves', () => {
  expect(comparisonLine('one', { ...compare(first, second), name: 'other' })).toBe(
    'one against other: both solve 1, neither 0; only one 0, only other 1 (b); exact McNemar p = 1.000.',
  );
});

it('shows two beside each other, case by case and as a picture, with what the first took more', () => {
  const told = [
    { name: 'one', results: first, figures: figuresOf(first) },
    { name: 'other', results: second, figures: figuresOf(second) },
  ] as const;
  const text = comparisonMarkdown(...told, { ...compare(first, second), name: 'other' });
  expect(text).toContain('| b | wrongly accepted | solved |');
  expect(text).toMatch(/\| solved \| 50 % \(.*\) \| 100 % \(.*\) \|/);
  expect(text).toContain('| more cost a case, $ | 0.000 (0.000 to 0.000) |');
  expect(svg('two', told)).toContain('solved, other');
});
