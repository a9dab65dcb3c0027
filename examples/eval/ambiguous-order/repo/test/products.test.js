const test = require('node:test');
const assert = require('node:assert/strict');
const { list } = require('../src/products.js');

test('lists all', () => assert.equal(list().length, 3));
