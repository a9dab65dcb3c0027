const test = require('node:test');
const assert = require('node:assert/strict');
const { roman } = require('../src/roman.js');

test('adds', () => assert.equal(roman('XVI'), 16));
