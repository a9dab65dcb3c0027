import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitting, type Item, placeOf } from './palette.ts';

const item = (text: string, hint = ''): Item<null> => ({
  ...{ id: text, group: 'Runs', text, hint, command: null, does: null },
});
const all = [item('Roll back shop'), item('Add a rollback'), item('Search the catalogue', 'shop')];

test('what is typed finds what has all of its words, the ones that begin with them first', () => {
  const texts = (typed: string) => fitting(all, typed).map(({ text }) => text);
  expect(texts('')).toEqual(all.map(({ text }) => text));
  expect(texts('roll')).toEqual(['Roll back shop', 'Add a rollback']);
  expect(texts('SHOP cat')).toEqual(['Search the catalogue']);
  expect(texts('nowhere')).toEqual([]);
});

test('whatever is typed, what is found has every word of it, and is one of what there is', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (typed) => {
      for (const found of fitting(all, typed)) {
        expect(all).toContain(found);
        const where = `${found.text} ${found.hint} ${found.group}`.toLowerCase();
        for (const word of typed.toLowerCase().split(/\s+/)) expect(where).toContain(word);
      }
    }),
    { numRuns: 50 },
  );
});

test('an id has its page, and nothing else has one', () => {
  expect(['run_01A', 'gate_9', 'rel_x', 'tkt_7'].map(placeOf)).toEqual([
    ...['/runs/run_01A', '/gates/gate_9', '/releases/rel_x', '/tickets/tkt_7'],
  ]);
  for (const none of ['run_', 'run_a/../b', 'shop', '', 'javascript:run_a']) expect(placeOf(none)).toBeNull();
});
