import { expect, test } from 'vitest';
import { lookAt } from './picture.ts';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat([
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
    Buffer.alloc(32),
  ]);

test.each<[string, Buffer, object | null]>([
  [
    'PNG',
    bytes('\x89PNG\r\n\x1a\n', [0, 0, 0, 13], 'IHDR', [0, 0, 2, 0, 0, 0, 1, 0]),
    { type: 'image/png', width: 512, height: 256 },
  ],
  ['GIF', bytes('GIF89a', [3, 0, 4, 0]), { type: 'image/gif', width: 3, height: 4 }],
  [
    'JPEG with tables before its frame',
    bytes([0xff, 0xd8, 0xff, 0xc4, 0, 4, 0, 0, 0xff, 0xc2, 0, 17, 8, 0, 5, 0, 6]),
    { type: 'image/jpeg', width: 6, height: 5 },
  ],
  [
    'WebP, extended',
    bytes('RIFF', [0, 0, 0, 0], 'WEBPVP8X', [10, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 19, 0, 0]),
    { type: 'image/webp', width: 10, height: 20 },
  ],
  [
    'WebP, lossy',
    bytes('RIFF', [0, 0, 0, 0], 'WEBPVP8 ', [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 7, 0, 8, 0]),
    { type: 'image/webp', width: 7, height: 8 },
  ],
  ['a JPEG without a frame', bytes([0xff, 0xd8, 0xff, 0xe0, 0, 2, 0, 0]), null],
  ['another RIFF', bytes('RIFF', [0, 0, 0, 0], 'WAVEfmt '), null],
  ['text', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), null],
  ['nothing', Buffer.alloc(0), null],
])('%s is told by its first bytes', (_, given, seen) => {
  expect(lookAt(given)).toEqual(seen);
});
