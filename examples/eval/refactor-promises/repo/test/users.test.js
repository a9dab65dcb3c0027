const test = require('node:test');
const assert = require('node:assert/strict');
const { find } = require('../src/users.js');

test('finds', (_, done) =>
  find('1', (error, user) => {
    assert.equal(error, null);
    assert.equal(user.name, 'Ada');
    done();
  }));
