import { type ChangedPath, secretValues } from '@millwright/domain';
import { expect, test } from 'vitest';
import { secretInBinaries } from './secrets-in-binaries.ts';

const VALUE = 'correct/horse+0815';
const known = secretValues([{ name: 'TOKEN', value: VALUE }]);
const among = (value: string | Buffer, before = 10) =>
  Buffer.concat([Buffer.alloc(before), Buffer.from(value), Buffer.from([0, 255, 254])]);
const CHANGED: ChangedPath = { path: 'a.bin', status: 'modified', added: 0, removed: 0 };
const said = (after: Buffer | null, before: Buffer | null = null, path: Partial<ChangedPath> = {}) =>
  secretInBinaries(
    [{ ...CHANGED, ...path }],
    { before: async () => before, after: async () => after },
    known,
  );

test.each([
  ['as it is', VALUE],
  ['in base64', Buffer.from(VALUE).toString('base64')],
  ['in hex', Buffer.from(VALUE).toString('hex')],
  ['percent-encoded', encodeURIComponent(VALUE)],
  ['in UTF-16', Buffer.from(VALUE, 'utf16le')],
])('a known value %s is told with its file and its name, and not shown', async (_form, value) => {
  expect(await said(among(value))).toBe('a.bin holds the value of secret TOKEN');
  // Where it stands across what is read at once.
  expect(await said(among(value, 262_140))).toBe('a.bin holds the value of secret TOKEN');
});

test('bytes that hold none may be kept, and so may what was there before', async () => {
  expect(await said(among('something else'))).toBeNull();
  expect(await said(among(VALUE), among(VALUE, 3))).toBeNull();
  expect(await said(among(VALUE), among('something else'))).not.toBeNull();
});

test('what is deleted, is text, or is no plain file is not read', async () => {
  expect(await said(among(VALUE), null, { status: 'deleted' })).toBeNull();
  expect(await said(among(VALUE), null, { added: 1 })).toBeNull();
  expect(await said(null)).toBeNull();
});
