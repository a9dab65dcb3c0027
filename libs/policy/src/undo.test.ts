import type { Rehearsed, ReleaseId } from '@millwright/domain';
import { expect, test } from 'vitest';
import { irreversibleText, undoOf } from './undo.ts';

const LIVE = 'rel_0000live' as ReleaseId;
const works: Rehearsed = { works: true, to: LIVE, ms: 400, at: 7, reason: '' };
const drops = { path: 'a.sql', line: 1, statement: 'DROP', what: 'drops column `x`' };
const no = (why: string) => ({ possible: false, rehearsed: false, ms: null, at: null, to: LIVE, why });

test.each([
  [
    'rehearsed beside the live release',
    undoOf([], works, LIVE),
    { possible: true, rehearsed: true, ms: 400, at: 7, to: LIVE, why: null },
  ],
  [
    'rehearsed beside another',
    undoOf([], { ...works, to: null }, LIVE),
    { possible: true, rehearsed: false, ms: 400, at: 7, to: LIVE, why: null },
  ],
  [
    'a first release, beside none',
    undoOf([], { ...works, to: null }, null),
    { possible: true, rehearsed: true, ms: 400, at: 7, to: null, why: null },
  ],
  [
    'tried, and it does not work',
    undoOf([], { ...works, works: false, ms: null, reason: 'no way' }, LIVE),
    no('no way'),
  ],
  ['never tried', undoOf([], null, LIVE), no('it was not rehearsed')],
  ['irreversible, whatever the target can', undoOf([drops], works, LIVE), no('drops column `x`')],
])('%s', (_name, undo, expected) => {
  expect(undo).toEqual(expected);
});

test('says each act once, three at most', () => {
  const what = (name: string) => ({ ...drops, what: `drops column \`${name}\`` });
  expect(irreversibleText([])).toBeNull();
  expect(irreversibleText([drops, drops])).toBe('drops column `x`');
  expect(irreversibleText(['a', 'b', 'c', 'd', 'e'].map(what))).toBe(
    'drops column `a`; drops column `b`; drops column `c` and 2 more',
  );
  expect(irreversibleText([{ path: 'a.sh', line: 1, statement: 'force-push' }])).toBe('force-push in a.sh');
});
