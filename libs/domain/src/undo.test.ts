import { expect, test } from 'vitest';
import type { Undo } from './facts.ts';
import type { ReleaseId } from './ids.ts';
import { undoText } from './undo.ts';

const NOW = 1_000_000_000;
const works: Undo = {
  possible: true,
  rehearsed: true,
  ms: 412,
  at: NOW - 3_000,
  to: 'rel_0000000000000000' as ReleaseId,
  why: null,
};

test.each<[string, Undo]>([
  ['yes, 0.4 s, rehearsed just now', works],
  ['yes, 0.1 s, rehearsed 5 min ago', { ...works, ms: 3, at: NOW - 5 * 60_000 }],
  ['yes, 12 s, rehearsed 3 h ago', { ...works, ms: 12_300, at: NOW - 3 * 3_600_000 }],
  ['yes, 0.4 s, rehearsed 4 days ago', { ...works, at: NOW - 4 * 86_400_000 }],
  [
    'yes, 0.4 s, rehearsed just now, but beside another release than the one that is live now',
    { ...works, rehearsed: false },
  ],
  ['by stopping it: nothing served before it, so nothing serves after', { ...works, to: null }],
  ['yes, not rehearsed', { ...works, rehearsed: false, ms: null, at: null }],
  [
    'no: drops column `x`',
    { possible: false, rehearsed: false, ms: null, at: null, to: null, why: 'drops column `x`' },
  ],
])('%s', (text, undo) => {
  expect(undoText(undo, NOW)).toBe(text);
});
