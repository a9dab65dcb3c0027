import assert from 'node:assert/strict';
import test from 'node:test';
import { Cache } from '../src/cache.ts';

test('keeps values', () => {
  const cache = new Cache<number>();
  cache.set('a', 1);
  assert.equal(cache.get('a'), 1);
});
