import { expect, test } from 'vitest';
import { readBundle } from './sources.ts';

const ID = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);
const HEADER = `# v2 git bundle\n-${OTHER} what it stands on\n${ID} refs/history/${OTHER}\n${OTHER} refs/snapshots/${ID}\n`;

test('a bundle is its refs and its pack, to the byte', () => {
  const pack = Buffer.from('PACK\0\0\0\x02\n\nPACK\xff', 'latin1');
  const read = readBundle(Buffer.concat([Buffer.from(`${HEADER}\n`), pack]));
  expect([...(read?.refs ?? [])]).toEqual([
    [`refs/history/${OTHER}`, ID],
    [`refs/snapshots/${ID}`, OTHER],
  ]);
  expect(Buffer.from(read?.pack ?? []).equals(pack)).toBe(true);
});

test.each([
  ['nothing', ''],
  ['another file', 'PACK\n\nPACK'],
  ['a bundle of another version', HEADER.replace('v2', 'v9')],
  ['one without a pack', `${HEADER}\n`],
])('%s is none', (_what, text) => {
  expect(readBundle(Buffer.from(text))).toBeNull();
});
