import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GitSha, PatchId, ReleaseId } from './ids.ts';
import { type Bad, type Historic, held } from './quarantine.ts';

const sha = (text: string) => text.padEnd(40, '0') as GitSha;
const patch = (text: string) => text.padEnd(40, 'f') as PatchId;
const NONE = '0'.repeat(40) as PatchId;
const bad: Bad = {
  commit: sha('bad'),
  release: 'rel_00000001' as ReleaseId,
  patch: patch('a'),
  reverse: patch('b'),
  shape: 'a',
};
const commit = (name: string, of: PatchId = patch(name), undoes = false): Historic => ({
  commit: sha(name),
  patch: of,
  shape: null,
  undoes,
});
const itself = commit('bad', bad.patch);
const revert = commit('e1', bad.reverse);
const candidate = sha('c');
const NOTHING = { patch: NONE, shape: null };

test.each<[string, Historic[], PatchId, string | null]>([
  ['it alone', [itself], NONE, 'commit'],
  ['others on top of it', [itself, commit('d1'), commit('d2')], patch('d'), 'commit'],
  ['reverted', [itself, revert], NONE, null],
  ['reverted among others', [itself, commit('d1'), revert, commit('d2')], patch('d'), null],
  [
    'reverted where its surroundings had changed',
    [itself, commit('d1'), commit('d2', patch('d2'), true)],
    NONE,
    null,
  ],
  ['never in it', [commit('d1')], patch('d'), null],
  ['its patch under another commit', [commit('d1', bad.patch)], NONE, 'patch'],
  ['reverted, and the revert reverted', [itself, revert, commit('d1', bad.patch)], NONE, 'patch'],
  [
    'reverted, reverted, and reverted again',
    [itself, revert, commit('d1', bad.patch), commit('e2', bad.reverse)],
    NONE,
    null,
  ],
  ['a revert before it', [revert, itself], NONE, 'commit'],
  ['made of two commits', [commit('d1'), commit('d2')], bad.patch, 'difference'],
  ['a real fix: another patch of the same file', [itself, revert, commit('d1')], patch('d1'), null],
  ['nothing new at all', [], NONE, null],
])('%s', (_name, history, difference, how) => {
  expect(held(bad, history, candidate, { patch: difference, shape: null })?.how ?? null).toBe(how);
});

test('the same but for white space is the same; a revert is one to the letter', () => {
  const shaped = (name: string, shape: string) => ({ ...commit(name), shape });
  expect(held(bad, [itself, revert, shaped('d1', 'a')], candidate, NOTHING)?.how).toBe('patch');
  expect(held(bad, [shaped('d1', 'other')], candidate, NOTHING)).toBeNull();
  expect(held(bad, [], candidate, { patch: patch('d'), shape: 'a' })?.how).toBe('difference');
  expect(held(bad, [itself, shaped('e1', 'b')], candidate, NOTHING)?.how).toBe('commit');
});

test('a patch without content is never a copy of another', () => {
  const empty = { ...bad, patch: NONE, reverse: NONE, shape: null };
  expect(held(empty, [commit('d1', NONE)], candidate, NOTHING)).toBeNull();
  expect(held(empty, [itself, commit('d1', NONE)], candidate, NOTHING)?.how).toBe('commit');
});

test('the last word counts, whatever came before', () => {
  const kinds = fc.array(fc.constantFrom('bad', 'copy', 'revert', 'undo', 'other'), { maxLength: 12 });
  const of = (kind: string, at: number): Historic =>
    kind === 'bad'
      ? itself
      : kind === 'copy'
        ? commit(`d${at}`, bad.patch)
        : kind === 'revert'
          ? commit(`e${at}`, bad.reverse)
          : commit(`f${at}`, patch(`f${at}`), kind === 'undo');
  fc.assert(
    fc.property(kinds, (story) => {
      const word = story.findLast((kind) => kind !== 'other');
      const expected = word === 'bad' ? 'commit' : word === 'copy' ? 'patch' : null;
      return (held(bad, story.map(of), candidate, NOTHING)?.how ?? null) === expected;
    }),
  );
});
