import type { Entry, RecordedEntry, RepoName } from '@millwright/domain';
import { expect, test } from 'vitest';
import { DIGESTED, digestOf, headOf, type Seen } from './digest.ts';

let position = 0;
const seen = (entry: unknown, more: Partial<Seen> = {}): Seen => {
  position += 1;
  const recorded = { envelope: { position, at: position * 10 }, entry } as unknown as RecordedEntry;
  return {
    recorded,
    run: null,
    repo: 'shop' as RepoName,
    title: 'A title',
    deploys: true,
    text: 'said\nmore',
    ...more,
  };
};

test.each([
  ['deploy.finished', { result: 'promoted' }, 'shipped'],
  ['deploy.finished', { result: 'rolled_back' }, 'broke'],
  ['target.released', { by: 'rollback' }, 'broke'],
  ['target.released', { by: 'deploy' }, null],
  ['run.closed', { end: 'failed' }, 'broke'],
  ['run.closed', { end: 'denied' }, 'broke'],
  ['run.closed', { end: 'done' }, null],
  ['run.closed', { end: 'rolled_back' }, null],
  ['merge.finished', {}, null],
  ['target.frozen', {}, 'broke'],
  ['gate.decided', {}, null],
] as const)('%s %j is told under %s', (type, data, head) => {
  expect(headOf({ type, data } as unknown as Entry, true)).toBe(head);
});

test('what nothing is deployed of has shipped when it is merged', () => {
  expect(headOf({ type: 'merge.finished', data: {} } as unknown as Entry, false)).toBe('shipped');
});

test('every type that is read can be told, and what is told is read', () => {
  const data = { result: 'promoted', by: 'rollback', end: 'failed' };
  for (const type of DIGESTED) expect(headOf({ type, data } as unknown as Entry, false), type).not.toBeNull();
});

test('each line has its entry, one line of words, and money adds up by repository, the most first', () => {
  const stage = (usd: number) => ({ type: 'stage.closed', data: { usage: { usd } } });
  const other = { repo: 'blog' as RepoName };
  const told = digestOf([
    seen(stage(1)),
    seen({ type: 'deploy.finished', data: { result: 'promoted' } }),
    seen(stage(0.5), other),
    seen({ type: 'factory.halted', data: {} }, { repo: null, title: null }),
    seen(stage(0.25)),
    seen(stage(9), { repo: null }),
  ]);
  expect(told).toEqual({
    shipped: [{ position: 2, at: 20, run: null, repo: 'shop', title: 'A title', text: 'said' }],
    broke: [{ position: 4, at: 40, run: null, repo: null, title: null, text: 'said' }],
    spent: {
      usd: 1.75,
      repos: [
        { repo: 'shop', position: 5, usd: 1.25, stages: 2 },
        { repo: 'blog', position: 3, usd: 0.5, stages: 1 },
      ],
    },
  });
  expect(digestOf([])).toEqual({ broke: [], shipped: [], spent: { usd: 0, repos: [] } });
});
