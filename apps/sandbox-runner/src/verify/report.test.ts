import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSession } from './report.ts';

const key = Buffer.alloc(32, 7);
const sign = (records: unknown[], from = 0, by = key) =>
  records
    .map((record, i) => JSON.stringify([from + i, record]))
    .map((line) => `${createHmac('sha256', by).update(line).digest('hex')} ${line}\n`)
    .join('');
const start = { t: 'start', runner: 'mocha' };
const one = { t: 'test', name: 'a > b', file: 'test/a.js', state: 'pass', message: '' };

test('a whole report', () => {
  expect(readSession(sign([start, one, { t: 'end' }]), key)).toEqual({
    kind: 'finished',
    runner: 'mocha',
    outcomes: [{ ...one, t: 'test', kind: 'test', title: 'b' }],
  });
});

test('a report without its end is unfinished', () => {
  expect(readSession(sign([start, one]), key)).toMatchObject({ kind: 'unfinished', runner: 'mocha' });
});

test.each([
  ['empty', ''],
  ['another key', sign([start, one, { t: 'end' }], 0, Buffer.alloc(32, 8))],
  ['a line left out', sign([start]) + sign([{ t: 'end' }], 2)],
  ['a line added', sign([start, { t: 'end' }]) + sign([one], 2)],
  ['a line added in the clear', `${sign([start])}PASS everything\n${sign([{ t: 'end' }], 1)}`],
  ['bytes after the end', `${sign([start, { t: 'end' }])}x`],
  ['a second start', sign([start, start, { t: 'end' }])],
])('%s is forged', (_name, text) => {
  expect(readSession(text, key).kind).toBe('forged');
});

test('no change of a single character of a whole report is accepted', () => {
  const text = sign([start, one, { t: 'end' }]);
  fc.assert(
    fc.property(fc.nat(text.length - 2), fc.constantFrom('0', 'a', '{', '\n', ' '), (at, by) => {
      fc.pre(text[at] !== by);
      const changed = readSession(text.slice(0, at) + by + text.slice(at + 1), key);
      expect(changed.kind).not.toBe('finished');
    }),
  );
});
