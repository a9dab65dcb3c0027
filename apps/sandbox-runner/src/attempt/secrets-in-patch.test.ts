import { secretValues } from '@millwright/domain';
import { expect, test } from 'vitest';
import { secretInPatch } from './secrets-in-patch.ts';

const VALUE = 'correct/horse+0815';
const known = secretValues([{ name: 'TOKEN', value: VALUE }]);
const base64 = Buffer.from(VALUE).toString('base64');
const patch = (added: string[], { path = 'src/a.js', head = 'index 1..2 100644' } = {}) =>
  new TextEncoder().encode(
    [
      `diff --git a/${path} b/${path}`,
      ...[head, `--- a/${path}`, `+++ b/${path}`, `@@ -4,2 +7,${added.length + 2} @@`],
      ...[' before', '-gone', ...added.map((line) => `+${line}`), ' after', ''],
    ].join('\n'),
  );

test.each([
  ['as it is', ['one', `two '${VALUE}'`], 'line 9'],
  ['in base64', [base64], 'line 8'],
  ['in base64 over two lines', ['one', base64.slice(0, 12), base64.slice(12)], 'line 9'],
  ['in hex', [Buffer.from(VALUE).toString('hex')], 'line 8'],
  ['in an address', [`https://x/?t=${encodeURIComponent(VALUE)}`], 'line 8'],
])('a known value %s is told with its line and its name, and not shown', (_form, added, line) => {
  expect(secretInPatch(patch(added), known)).toBe(`${line} of src/a.js holds the value of secret TOKEN`);
});

test('what is taken out, or was there, may go', () => {
  const out = Buffer.from(patch(['x']))
    .toString()
    .replace('-gone', `-${VALUE}`)
    .replace(' after', ` ${VALUE}`);
  expect(secretInPatch(Buffer.from(out), known)).toBeNull();
  expect(secretInPatch(patch(['x'], { path: `src/${base64}.js` }), known)).toBeNull();
});

test('the name of a new file is none to keep either', () => {
  const named = patch(['x'], { path: `src/${base64}.js`, head: 'new file mode 100644' });
  expect(secretInPatch(named, known)).toBe('the name of a file holds the value of secret TOKEN');
});

test('a format is told where no value is', () => {
  const token = ['ghp', '_canaryabcdefghijklmnopqrstuvwxyz012345'].join('');
  expect(secretInPatch(patch(['one', token]), known)).toBe(
    'line 9 of src/a.js holds what looks like a secret (GitHub token)',
  );
});
