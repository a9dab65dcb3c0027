import { expect, test } from 'vitest';
import { DEFAULT_STUCK, type Observation, stuck } from './stuck.ts';

/** `A` is a call with its usual result, `A'` the same call with another; a lower-case letter changes the workspace. */
function observe(text: string): Observation[] {
  const seen: Observation[] = [];
  for (const [index, word] of text.split(' ').entries()) {
    const call = word.replace("'", '').toUpperCase();
    const novel = !seen.some((one) => one.call === call && one.result === word);
    seen.push({
      turn: index + 1,
      call,
      result: word,
      novel,
      changed: word === word.toLowerCase(),
      label: call,
    });
  }
  return seen;
}

test.each([
  ['A', 'going'],
  ['A A', 'going'],
  ['A A A', 'the same call with the same result, 3 times: A'],
  ["A A' A", 'going'],
  ['A B A', 'going'],
  ['A B A B', 'the same 2 calls with the same results, round and round: A → B'],
  ["A B A B'", 'going'],
  ['A B C A B', 'going'],
  ['A B C A B C', 'the same 3 calls with the same results, round and round: A → B → C'],
  ['A x B y A x', 'going'],
  ['X A B A B', 'the same 2 calls with the same results, round and round: A → B'],
])('%s is %s', (calls, expected) => {
  const found = stuck(observe(calls), DEFAULT_STUCK);
  expect(found.kind === 'stuck' ? found.pattern : 'going').toBe(expected);
});

test('turns on end that show nothing new are idle', () => {
  const seen = observe('A B C D A D B C A C D B');
  const limits = { ...DEFAULT_STUCK, idleTurns: 8 };
  expect(stuck(seen.slice(0, -1), limits).kind).toBe('going');
  expect(stuck(seen, limits)).toEqual({ kind: 'stuck', pattern: 'nothing new in 8 turns; last: B' });
});

test('turns on end that show new things and change nothing are idle for a writer, not for a reader', () => {
  const seen = observe('x A B C D E F');
  expect(stuck(seen, { ...DEFAULT_STUCK, unchangedTurns: 6 })).toMatchObject({
    pattern: expect.stringContaining('no change to the workspace in 6 turns'),
  });
  expect(stuck(seen, { ...DEFAULT_STUCK, unchangedTurns: null }).kind).toBe('going');
});

test('several calls of one turn count as one turn', () => {
  const seen = observe('A B C D A D B C A C D B').map((one) => ({ ...one, turn: 1 }));
  expect(stuck(seen, { ...DEFAULT_STUCK, idleTurns: 3 }).kind).toBe('going');
});
