import { expect, test } from 'vitest';
import { bytesArray, numberArray, numbersOf, textArray } from './arrays.ts';

test.each([
  [textArray([]), '{}'],
  [textArray(['', 'NULL', null, 'a,b', '{}', '"', '\\']), '{"","NULL",NULL,"a,b","{}","\\"","\\\\"}'],
  [numberArray([1, 0, 1_700_000_000_000]), '{1,0,1700000000000}'],
  [
    bytesArray([Uint8Array.of(0, 255), new Uint8Array(), Uint8Array.of(1, 2, 3).subarray(1)]),
    '{"\\\\x00ff","\\\\x","\\\\x0203"}',
  ],
])('%s', (made, expected) => {
  expect(made).toBe(expected);
});

test.each([
  ['{}', []],
  ['{NULL,3,NULL,2147483647}', [null, 3, null, 2_147_483_647]],
])('%s read', (text, items) => {
  expect(numbersOf(text)).toEqual(items);
});
