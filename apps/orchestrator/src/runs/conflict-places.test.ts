import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onlyPlacesChanged } from './conflict-places.ts';

const conflict = (ours: string, theirs: string) =>
  `<<<<<<< the base\n${ours}=======\n${theirs}>>>>>>> the change\n`;
const MARKED = `one\n${conflict('A\n', 'B\n')}two\nthree\n${conflict('', 'C\n')}four\n`;

it.each([
  ['both sides', 'one\nA\nB\ntwo\nthree\nC\nfour\n', true],
  ['one side, and nothing', 'one\nA\ntwo\nthree\nfour\n', true],
  ['something else there', 'one\nA and B\ntwo\nthree\nx\ny\nfour\n', true],
  ['a line before', 'zero\none\nA\ntwo\nthree\nfour\n', false],
  ['a line behind', 'one\nA\ntwo\nthree\nfour\nfive\n', false],
  ['a line between two places', 'one\nA\ntwo\n3\nfour\n', false],
  ['the place between two taken out', 'one\nA\nfour\n', false],
  ['nothing left', '', false],
])('%s: %s', (_, now, expected) => {
  expect(onlyPlacesChanged(MARKED, now)).toBe(expected);
});

it('a file without conflicts, or with half of one, has no such places', () => {
  expect(onlyPlacesChanged('one\n', 'one\n')).toBe(false);
  expect(onlyPlacesChanged('one\n<<<<<<< the base\ntwo\n', 'one\ntwo\n')).toBe(false);
});

it('whatever is put into the places, the rest as it was is found; and a rest that is not as it was is not', () => {
  const line = fc.constantFrom('a\n', 'b\n', '=======x\n', '\n');
  const text = fc.array(line, { maxLength: 4 }).map((lines) => lines.join(''));
  const parts = fc.array(fc.tuple(text, text, text), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, text, (places, end) => {
      const marked = places.map(([before, ours]) => before + conflict(ours, 'x\n')).join('') + end;
      const now = places.map(([before, , put]) => before + put).join('') + end;
      expect(onlyPlacesChanged(marked, now)).toBe(true);
      if (end !== '') expect(onlyPlacesChanged(marked, `${now}z\n`)).toBe(false);
      if ((places[0]?.[0] ?? '') !== '') expect(onlyPlacesChanged(marked, `z\n${now}`)).toBe(false);
    }),
  );
});
