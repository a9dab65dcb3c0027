const test = require('node:test');
const assert = require('node:assert/strict');
const { page, pages } = require('../src/paging.js');

test('counts whole pages', () => assert.equal(pages(40, 20), 2));
test('cuts a page out', () => assert.deepEqual(page([1, 2, 3, 4], 2, 2), [3, 4]));
