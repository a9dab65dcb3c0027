import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';

const { roman } = createRequire(import.meta.url)('./src/roman.js');
test('reads numerals', () => {
  for (const [text, value] of [
    ['IV', 4],
    ['IX', 9],
    ['XL', 40],
    ['XC', 90],
    ['CD', 400],
    ['CM', 900],
    ['MCMXCIV', 1994],
    ['XVI', 16],
    ['MMXXVI', 2026],
  ])
    assert.equal(roman(text), value, text);
});
