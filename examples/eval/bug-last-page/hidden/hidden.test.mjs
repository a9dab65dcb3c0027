import assert from 'node:assert/strict';
import test from 'node:test';
import paging from './src/paging.js';

test('pages', () => {
  for (const [count, size, pages] of [
    [45, 20, 3],
    [40, 20, 2],
    [41, 20, 3],
    [59, 20, 3],
    [60, 20, 3],
    [1, 20, 1],
    [0, 20, 0],
  ])
    assert.equal(paging.pages(count, size), pages, `${count} by ${size}`);
});
