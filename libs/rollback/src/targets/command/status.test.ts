import { expect, test } from 'vitest';
import { parseStatus } from './status.ts';

test.each([
  ['not JSON', 'no JSON'],
  ['null', 'no list of releases'],
  ['{"serving":null}', 'no list of releases'],
  ['{"serving":"latest","releases":[]}', 'latest serves, which is no release'],
  ['{"releases":[]}', 'undefined serves'],
])('%s is no status', (text, why) => {
  expect(parseStatus(text)).toContain(why);
});

test('what is not told is not well, and half a figure is none', () => {
  const releases = [{ id: 'rel_aaaaaaaa', running: 'yes', requests: 4 }, { id: 'mine' }, 7];
  expect(parseStatus(JSON.stringify({ serving: 'rel_aaaaaaaa', releases }))).toEqual({
    serving: 'rel_aaaaaaaa',
    releases: [{ id: 'rel_aaaaaaaa', running: false, healthy: false, restarts: 0, figures: null, log: '' }],
  });
});
