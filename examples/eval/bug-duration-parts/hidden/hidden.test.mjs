import assert from 'node:assert/strict';
import test from 'node:test';
import { duration } from './src/duration.js';

test('reads all parts', () => {
  for (const [text, seconds] of [
    ['1h30m', 5400],
    ['1h 30m', 5400],
    ['90m', 5400],
    ['1h1m1s', 3661],
    ['2s', 2],
  ])
    assert.equal(duration(text), seconds, text);
});
test('refuses what is none', () => {
  for (const text of ['', 'soon', '1h soon', '5', '1h 5']) assert.throws(() => duration(text), text);
});
