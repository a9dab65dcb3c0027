import assert from 'node:assert/strict';
import test from 'node:test';
import mail from './src/mail.js';

test('a mail has its own headers alone', () => {
  const given = { 'x-track': '1' };
  const first = mail.message('a@example.org', { headers: given, from: 'b@example.org' });
  assert.deepEqual(first, {
    from: 'b@example.org',
    to: 'a@example.org',
    headers: { 'x-mailer': 'shop', 'x-track': '1' },
  });
  first.headers['x-late'] = '1';
  assert.deepEqual(mail.message('c@example.org').headers, { 'x-mailer': 'shop' });
  assert.deepEqual(given, { 'x-track': '1' });
});
