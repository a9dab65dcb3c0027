import { expect, it } from 'vitest';
import { money } from './format.ts';
import { wantsColour, wantsUnicode } from './look.ts';
import { parseDuration, parseInstant } from './parse.ts';
import { hang } from './width.ts';

it('writes money as small as agents spend it, and nothing for nothing', () => {
  expect([0, 0.0003, 0.5, 12.4].map(money)).toEqual(['', '$0.0003', '$0.5000', '$12.40']);
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
