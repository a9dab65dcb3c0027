import assert from 'node:assert/strict';
import test from 'node:test';
import { Cache } from './src/cache.ts';

test('the least recently used goes', () => {
  const cache = new Cache(2);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.get('a');
  cache.set('c', 3);
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c'), cache.size], [1, undefined, 3, 2]);
});
test('a write is a use, of undefined too', () => {
  const cache = new Cache(2);
  cache.set('a', undefined);
  cache.set('b', 2);
  cache.get('a');
  cache.set('c', 3);
  assert.equal(cache.get('b'), undefined);
  cache.set('c', 4);
  cache.set('a', 1);
  cache.set('d', 5);
  assert.deepEqual([cache.get('a'), cache.get('c'), cache.get('d'), cache.size], [1, undefined, 5, 2]);
});
test('none is no bound', () => {
  const cache = new Cache();
  for (let i = 0; i < 5000; i += 1) cache.set(String(i), i);
  assert.equal(cache.size, 5000);
});
