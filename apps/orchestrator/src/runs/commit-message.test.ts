import { expect, test } from 'vitest';
import { cleanMessage } from './commit-message.ts';

test.each<[string, string, string]>([
  [
    'as it was written',
    'Round prices once\n\nBecause twice is wrong.',
    'Round prices once\n\nBecause twice is wrong.',
  ],
  ['a line end of another system', 'A\r\n\r\nB', 'A\n\nB'],
  ['colours and a bell', '\u001b[31mRed\u0007', 'Red'],
  ['text turned around', 'safe\u202edelete', 'safedelete'],
  [
    'a trailer of ours',
    'A\n\nMillwright-Reverts: abc\nmillwright-run : x\nSigned-off-by: B',
    'A\n\nSigned-off-by: B',
  ],
  ['a trailer of ours alone', 'Millwright-Reverts: abc', 'The title'],
  ['nothing', ' \n ', 'The title'],
  ['a subject that never ends', 'x'.repeat(300), `${'x'.repeat(99)}…`],
])('%s', (_, text, clean) => {
  expect(cleanMessage(text, 'The title')).toBe(clean);
});
