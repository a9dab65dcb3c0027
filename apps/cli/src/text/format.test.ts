import { expect, it } from 'vitest';
import { ago, duration, money, short } from './format.ts';
import { wantsColour, wantsUnicode } from './look.ts';
import { parseDuration, parseInstant } from './parse.ts';
import { hang } from './width.ts';

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [3_149, '3.1 s'],
  [42_400, '42 s'],
  [187_000, '3:07'],
  [7_509_000, '2:05:09'],
])('writes %i ms as %s', (ms, text) => expect(duration(ms)).toBe(text));

it('writes money as small as agents spend it, and nothing for nothing', () => {
  expect([0, 0.0003, 0.5, 12.4].map(money)).toEqual(['', '$0.0003', '$0.5000', '$12.40']);
});

it('tells what was from what will be', () => {
  expect([ago(0, 300_000), ago(300_000, 0), ago(10_000, 0), ago(0, 10_000)]).toEqual([
    '5 min ago',
    'in 5 min',
    'in 10 s',
    'just now',
  ]);
});

it('shortens digests and commits, and nothing else', () => {
  expect([
    short(`sha256:${'ab'.repeat(32)}`),
    short('0123456789abcdef0123456789abcdef01234567'),
    short('main'),
  ]).toEqual(['sha256:abababababab', '0123456789ab', 'main']);
});

it('honours NO_COLOR before FORCE_COLOR before the terminal', () => {
  expect(wantsColour({}, true)).toBe(true);
  expect(wantsColour({}, false)).toBe(false);
  expect(wantsColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
  expect(wantsColour({ NO_COLOR: '', FORCE_COLOR: '1' }, false)).toBe(true);
});

it('falls back to ASCII where the locale says another character set', () => {
  expect(wantsUnicode({})).toBe(true);
  expect(wantsUnicode({ LC_ALL: 'C', LANG: 'en_US.UTF-8' })).toBe(false);
  expect(wantsUnicode({ LANG: 'de_DE.utf8' })).toBe(true);
});

it('reads durations, and names the option of a wrong one', () => {
  expect([parseDuration('90s', '--timeout'), parseDuration('2h', '--timeout')]).toEqual([90_000, 7_200_000]);
  expect(() => parseDuration('soon', '--timeout')).toThrow('--timeout takes a number and');
});

it('reads times as people write them, and says what one looks like', () => {
  const now = Date.UTC(2026, 10, 21, 12);
  expect(parseInstant('2h', '--from', now)).toBe(now - 7_200_000);
  expect(parseInstant('2026-11-21T10:00:00Z', '--from', now)).toBe(now - 7_200_000);
  expect(parseInstant('2026-11-21', '--from', now)).toBe(new Date(2026, 10, 21).getTime());
  expect(parseInstant('2026-11-21 14:30', '--to', now)).toBe(new Date(2026, 10, 21, 14, 30).getTime());
  for (const wrong of ['yesterday', '12', '2026-13-01', 'Nov 21'])
    expect(() => parseInstant(wrong, '--from', now), wrong).toThrow('--from takes a time, such as');
});

it.each([
  ['to start another run with what you say: ./millwright ticket answer tkt_0mx233tuc0au7sug9v7 "…" --again'],
  [
    './millwright gate show gate_0mx233tuc0au7, then ./millwright gate approve gate_0mx233tuc0au7 --reason "a b"',
  ],
  [
    'wait: it never promotes by itself (./millwright run watch run_0mx233tuc0au7sug9v701), as nobody is told more',
  ],
])('hangs %j within forty columns, and breaks no command', (text) => {
  const lines = hang('next: ', text, 40);
  const commands = text.match(/\.\/millwright (?:[a-z]+ )+\S+?(?=[,)]|$| )/g) ?? [];
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) expect(lines.filter((line) => line.includes(command))).toHaveLength(1);
  for (const line of lines) if (!line.includes('./millwright')) expect(line.length).toBeLessThanOrEqual(40);
  expect(lines.map((line) => line.slice(6)).join(' ')).toBe(text);
});
