import { expect, test } from 'vitest';
import { chainOf } from './chain.ts';

test.each([
  ['xo && ava && tsd', ['xo', 'ava', 'tsd']],
  ['  mocha  ', ['mocha']],
  [
    'npm run lint && NODE_ENV=test c8 mocha "a && b" | tee log 2>&1',
    ['npm run lint', 'NODE_ENV=test c8 mocha "a && b" | tee log 2>&1'],
  ],
  ['cd sub && ava --match="\\"a&&b\\"" && ! false', ['cd sub', 'ava --match="\\"a&&b\\""', '! false']],
  [
    `node -e 'a && b; c' && find . -name {} -o a\\&\\&b && echo \${X}`,
    [`node -e 'a && b; c'`, 'find . -name {} -o a\\&\\&b', `echo \${X}`],
  ],
])('%s is a chain', (text, steps) => expect(chainOf(text)).toEqual(steps));

test.each([
  'a && b || c',
  'a; b && c',
  'a & b && c',
  '(a && b) && c',
  'a && "$(b && c)"',
  'a && `b && c`',
  'if a && b; then c; fi',
  '{ a && b } && c',
  'a && b # && c',
  'a &&\nb',
  "a && 'b",
  '&& a',
  'cat <<E && b',
  'while a && b && done',
])('%s is left as it is', (text) => expect(chainOf(text)).toEqual([text]));
