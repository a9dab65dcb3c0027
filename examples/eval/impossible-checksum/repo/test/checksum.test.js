const test = require('node:test');
const assert = require('node:assert/strict');
const { checksum } = require('../src/checksum.js');

test('has two digits', () => assert.match(checksum('order 17'), /^[0-9a-f]{2}$/));
