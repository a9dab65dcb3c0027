import type { EntryOf, ReleaseId } from '@millwright/domain';
import { expect, test } from 'vitest';
import { effectWords, sentence } from './account.ts';

const REL = 'rel_0000000000000001' as ReleaseId;
const JARGON = /materiali[sz]e|shift\/|retire|\bfence\b|settle|discard/;

test.each([
  ['shift/50', `giving ${REL} 50 % of traffic`],
  ['undo:shift/50', `sending all traffic back from ${REL}`],
  ['undo:start', `stopping ${REL} again`],
  ['materialise', `making the image of ${REL}`],
  ['retire', `stopping what ran before ${REL}`],
  ['undo:rehearse', `taking back: rehearsing the undo of ${REL}`],
])('%s is said as: %s', (effect, said) => {
  expect(effectWords(effect, REL)).toBe(said);
});

test('no word of the journal is in what people read', () => {
  for (const effect of [
    'proxy',
    'materialise',
    'start',
    'settle',
    'shift/10',
    'rehearse',
    'retire',
    'discard',
  ])
    for (const one of [effect, `undo:${effect}`]) {
      const data = { key: `1/${REL}/${one}`, effect: one, release: REL };
      const entries = [
        { type: 'target.effect-started', data: { ...data, fence: 1 } },
        { type: 'target.effect-finished', data: { ...data, result: 'done', reason: '' } },
      ] as [
        { type: 'target.effect-started'; data: EntryOf<'target.effect-started'>['data'] },
        { type: 'target.effect-finished'; data: EntryOf<'target.effect-finished'>['data'] },
      ];
      for (const entry of entries) expect(sentence(entry)).not.toMatch(JARGON);
    }
});
