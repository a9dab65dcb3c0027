import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Entry } from './entries/index.ts';
import { initialState, replay, todo } from './run/index.ts';
import { drive } from './run/testing/random-drive.ts';
import { mapFreeText, putTogether, REDACTED, takeApart } from './words.ts';

const outcome = { kind: 'failed', code: 'stuck', retryable: false, reason: 'went in circles' };
const closed = { type: 'stage.closed', data: { stage: 's', attempt: 'att_00000000', outcome, usage: {} } };

test('free text is found by its schema: inside unions and lists, and nowhere else', () => {
  const seen: Record<string, string> = {};
  const look = (value: unknown) =>
    mapFreeText(Entry, value, (text, at) => {
      seen[at] = text;
      return text;
    });
  look(closed);
  look({
    type: 'plan.accepted',
    data: {
      plan: 'sha256:',
      tasks: [
        { id: 'a', title: 'one' },
        { id: 'b', title: 'two' },
      ],
    },
  });
  look({ type: 'gate.asked', data: { action: 'merge' } }); // an action by which things are decided, not the words for one
  look({ type: 'no.such', data: { reason: 'unknown' } });
  expect(seen).toEqual({
    '/data/outcome/reason': 'went in circles',
    '/data/tasks/0/title': 'one',
    '/data/tasks/1/title': 'two',
  });
});

test('taken apart and put together again it is the same; without its words it says that they are gone', () => {
  const { rest, at, words } = takeApart(Entry, closed as never);
  expect(JSON.stringify(rest)).not.toContain('circles');
  expect(putTogether(rest, at, words)).toEqual(closed);
  expect(putTogether(rest, at, null)).toMatchObject({
    data: { outcome: { code: 'stuck', reason: REDACTED } },
  });
  expect(putTogether(rest, ['/data/nowhere/0', '/data/outcome'], ['x', 'y'])).toMatchObject({
    data: { outcome: 'y' },
  });
});

describe('nothing is decided on free text', () => {
  const dice = fc.array(fc.nat(1_000_000), { minLength: 30, maxLength: 200 });

  test('a run whose text is redacted, at any place, is where it was and does what it would have done', () => {
    fc.assert(
      fc.property(dice, fc.boolean(), fc.array(fc.boolean(), { minLength: 1 }), (rolls, deploys, erased) => {
        const { entries } = drive(rolls, deploys);
        const said = entries.map((entry) => mapFreeText(Entry, entry, () => 'said'));
        const after = said.map((entry, i) =>
          erased[i % erased.length] ? mapFreeText(Entry, entry, () => REDACTED) : entry,
        );
        const [was, is] = [replay(said, initialState()), replay(after, initialState())];
        const plain = (value: unknown) =>
          JSON.stringify(value).replaceAll(JSON.stringify(REDACTED), '"said"');
        expect(plain(is)).toBe(plain(was));
        if (was.kind === 'run' && is.kind === 'run')
          for (const now of [0, 5_000, 20_000]) expect(plain(todo(is, now))).toBe(plain(todo(was, now)));
      }),
    );
  });
});
