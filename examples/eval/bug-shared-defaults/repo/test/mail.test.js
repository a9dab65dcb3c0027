const test = require('node:test');
const assert = require('node:assert/strict');
const { message } = require('../src/mail.js');

test('takes headers', () => {
  const { headers } = message('a@example.org', { headers: { 'x-track': '1' } });
  assert.deepEqual(headers, { 'x-mailer': 'shop', 'x-track': '1' });
});
