import fc from 'fast-check';
import { expect, test } from 'vitest';
import { action, bounded } from './bound.ts';

test('what fits stays as it is', () => {
  expect(bounded('short', 100)).toBe('short');
});

test('what does not fit keeps head and tail and says what is gone', () => {
  const text = `HEAD${'x'.repeat(5_000)}TAIL`;
  const cut = bounded(text, 1_000);
  expect(cut.startsWith('HEAD')).toBe(true);
  expect(cut.endsWith('TAIL')).toBe(true);
  expect(cut).toMatch(/\[… \d+ more characters were cut here/);
});

test('what was dropped before is said too', () => {
  expect(bounded('headtail', 1_000, 2_000_000)).toMatch(
    /^head\n\[… 2000000 more characters were cut here.*\]\ntail$/s,
  );
});

test('it is never over its limit', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 3_000 }),
      fc.integer({ min: 200, max: 2_000 }),
      fc.nat(),
      (text, limit, dropped) => {
        expect(bounded(text, limit, dropped).length).toBeLessThanOrEqual(Math.max(limit, 0));
      },
    ),
  );
});

test('an action is one short line', () => {
  expect(action(`bash a\n\tb ${'c'.repeat(300)}`)).toHaveLength(200);
  expect(action('bash a\n b')).toBe('bash a b');
});
