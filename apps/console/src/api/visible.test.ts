import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allVisible, visible } from './visible.ts';

test('what is hidden in a text is named where it stands', () => {
  expect(visible('a\u202Eb')).toBe('a⟨U+202E⟩b');
  expect(visible('x\u{E0041}y\u200B')).toBe('x⟨U+E0041⟩y⟨U+200B⟩');
  expect(visible('one\n\ttwo, käse, 漢字, 👩🏽')).toBe('one\n\ttwo, käse, 漢字, 👩🏽');
  expect(visible('\u001b[2Jx \u001b[31mred')).toBe('⟨U+001B⟩[2Jx \u001b[31mred');
});

test('an answer stays as it is but for its texts', () => {
  expect(allVisible({ a: ['\u200Bx', 1, null], b: { c: true, d: 'y' } })).toEqual({
    a: ['⟨U+200B⟩x', 1, null],
    b: { c: true, d: 'y' },
  });
});

test('once shown, nothing more is hidden', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(visible(visible(text))).toBe(visible(text));
    }),
    { numRuns: 20 },
  );
});
