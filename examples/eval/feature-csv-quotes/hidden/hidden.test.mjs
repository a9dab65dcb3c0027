import assert from 'node:assert/strict';
import test from 'node:test';
import { csv } from './src/csv.js';

test('as RFC 4180 says', () => {
  assert.equal(
    csv([
      ['a,b', 'say "hi"', 'two\nlines', 'plain'],
      [null, undefined, 0, '\r'],
    ]),
    '"a,b","say ""hi""","two\nlines",plain\r\n,,0,"\r"\r\n',
  );
  assert.equal(csv([]), '');
});
