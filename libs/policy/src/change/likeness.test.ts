import { expect, test } from 'vitest';
import { isNear, shapeOf } from './likeness.ts';

/** A patch of one file, from its changed lines (`+a`, `-a`, ` a`). */
const patch = (lines: string[], path = 'src/a.js'): string => {
  const count = (...marks: string[]) => lines.filter((line) => marks.includes(line[0] ?? '')).length;
  return [
    `diff --git a/${path} b/${path}`,
    'index 1..2 100644',
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -1,${count('-', ' ')} +1,${count('+', ' ')} @@`,
    ...lines,
    '',
  ].join('\n');
};
const BAD = ['-  return a + b;', '+  const fee = rateOf(b);', '+  return a - b * fee;'];
const bad = patch(BAD);

test.each([
  ['a blank line more', ['+', ...BAD]],
  [
    'blank lines and spaces',
    ['+   ', '-  return a + b;', '+\tconst  fee = rateOf( b );', '+return a - b*fee;  '],
  ],
  ['other surroundings', [' const x = 1;', ...BAD, ' }']],
])('%s is the same', (_, lines) => {
  expect(shapeOf(patch(lines))).toBe(shapeOf(bad));
});

test.each([
  ['another value', ['-  return a + b;', '+  const fee = rateOf(a);', '+  return a - b * fee;']],
  ['its reverse', ['-  const fee = rateOf(b);', '-  return a - b * fee;', '+  return a + b;']],
  ['another file', BAD],
])('%s is not the same', (what, lines) => {
  expect(shapeOf(patch(lines, what === 'another file' ? 'src/b.js' : 'src/a.js'))).not.toBe(shapeOf(bad));
});

test('what is no text, and what is only white space, has no shape to be the same by', () => {
  expect(shapeOf('diff --git a/x b/x\nGIT binary patch\nliteral 0\n')).toBeNull();
  expect(shapeOf(patch(['+', '+  ']))).toBeNull();
});

test.each([
  ['the same', BAD, 'src/a.js'],
  ['a comment more', ['+  // fees', ...BAD], 'src/a.js'],
  [
    'a comment at its end',
    ['-  return a + b;', '+  const fee = rateOf(b); // fee', '+  return a - b * fee; // net'],
    'src/a.js',
  ],
  ['a line in between', [...BAD.slice(0, 2), "+  log('fee');", ...BAD.slice(2)], 'src/a.js'],
  [
    'other line breaks',
    ['-  return a + b;', '+  const fee =', '+    rateOf(b);', '+  return a -', '+    b * fee;'],
    'src/a.js',
  ],
  [
    'a name changed',
    ['-  return a + b;', '+  const cost = rateOf(b);', '+  return a - b * cost;'],
    'src/a.js',
  ],
  ['another file', BAD, 'src/b.js'],
  [
    'without semicolons',
    ['-  return a + b;', '+  const fee = rateOf(b)', '+  return a - b * fee'],
    'src/a.js',
  ],
])('%s is near', (_, lines, path) => {
  expect(isNear(bad, patch(lines, path))).toBe(true);
});

test.each([
  ['its revert', ['-  const fee = rateOf(b);', '-  return a - b * fee;', '+  return a + b;'], 'src/a.js'],
  ['a real fix', ['-  return a + b;', '+  return Math.max(0, a) + b;'], 'src/a.js'],
  ['another change of the file', ['+export const name = "shop";'], 'src/a.js'],
  ['another change elsewhere', ['+  }', '+  });', '+done();'], 'src/b.js'],
])('%s is not near', (_, lines, path) => {
  expect(isNear(bad, patch(lines, path))).toBe(false);
});

test('of one word, the line must be the same; of a removal, what goes counts', () => {
  const word = patch(['-two', '+TWO']);
  expect(isNear(word, patch(['-two', '+  TWO;']))).toBe(true);
  expect(isNear(word, patch(['-two', '+Two']))).toBe(false);
  const removal = patch(['-  check(user);', '-  audit(user);']);
  expect(isNear(removal, patch(['-  check(user);', '-  audit(user);', '+  // gone']))).toBe(true);
  expect(isNear(removal, patch(['+  check(user);', '+  audit(user);']))).toBe(false);
});

test('a heading or a comment is only like the same one, and hides nothing of the rest', () => {
  const heading = patch(['+# One'], 'one.md');
  expect(isNear(heading, patch(['+# Two'], 'two.md'))).toBe(false);
  expect(isNear(heading, patch(['+', '+words'], 'two.md'))).toBe(false);
  expect(isNear(heading, patch(['+# One'], 'two.md'))).toBe(true);
  const commented = patch(['+// one', '+// two', '+pay(twice);']);
  expect(isNear(commented, patch(['+// other', '+pay(twice);'], 'src/b.js'))).toBe(true);
  expect(isNear(commented, patch(['+// other', '+// more'], 'src/b.js'))).toBe(false);
});
