import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whyNoWindow, windowAt } from './freeze-windows.ts';
import { parseMillwrightYaml } from './millwright-yaml.ts';

const berlin = (from: string, until: string) => ({
  from,
  until,
  timezone: 'Europe/Berlin',
  reason: 'a sale',
});
const at = (iso: string) => Date.parse(iso);
const WEEKEND = berlin('0 18 * * FRI', '0 8 * * MON');

test.each([
  ['before it', '2026-07-03T15:59:59.999Z', null],
  ['as it begins', '2026-07-03T16:00:00Z', '2026-07-06T06:00:00Z'],
  ['in it', '2026-07-05T00:00:00.500Z', '2026-07-06T06:00:00Z'],
  ['as it ends', '2026-07-06T06:00:00Z', null],
])('a weekend in Berlin, %s', (_, now, until) => {
  expect(windowAt([WEEKEND], at(now))).toEqual(
    until === null ? null : { until: at(until), reason: 'a sale' },
  );
});

// On 29 March 2026 there is no 02:30 in Berlin, on 25 October there are two.
test.each([
  [
    'the clock goes forward: it ends an hour sooner by every other clock',
    '2026-03-29T00:30:00Z',
    '2026-03-29T04:00:00Z',
  ],
  ['the clock goes back: it ends an hour later', '2026-10-25T00:30:00Z', '2026-10-25T05:00:00Z'],
])('a night in which %s', (_, now, until) => {
  expect(windowAt([berlin('0 22 * * *', '0 6 * * *')], at(now))).toMatchObject({ until: at(until) });
});

test.each([
  ['2026-03-29T00:59:59Z', false],
  ['2026-03-29T01:00:00Z', true],
  ['2026-03-29T01:59:59Z', true],
])('a window from a time that this night has not begins when it would have: %s', (now, open) => {
  expect(windowAt([berlin('30 2 * * *', '0 5 * * *')], at(now)) !== null || !open).toBe(true);
});

test('of windows that overlap, the one that ends last counts', () => {
  const others = [berlin('0 20 * * *', '0 21 * * *'), WEEKEND, berlin('0 0 * * *', '0 23 * * *')];
  expect(windowAt(others, at('2026-07-04T18:30:00Z'))?.until).toBe(at('2026-07-06T06:00:00Z'));
});

test('whatever the window, it is over at its end, and no time after it is in it until it begins again', () => {
  const hour = fc.integer({ min: 0, max: 23 });
  fc.assert(
    fc.property(hour, hour, fc.integer({ min: 0, max: 366 * 24 * 60 }), (from, until, minutes) => {
      const window = berlin(`0 ${from} * * *`, `0 ${until} * * *`);
      const open = windowAt([window], at('2026-01-01T00:00:00Z') + minutes * 60_000);
      if (from === until) expect(open).toBeNull();
      if (open === null) return;
      expect(windowAt([window], open.until)).toBeNull();
      expect(windowAt([window], open.until - 1)).not.toBeNull();
    }),
    { numRuns: 60 },
  );
});

test.each([
  [{ from: 'x x x x x', until: '0 8 * * MON', timezone: 'UTC' }, /CronPattern|pattern/i],
  [{ from: '0 0 30 2 *', until: '0 8 * * MON', timezone: 'UTC' }, /never begins/],
  [{ from: '0 8 * * MON', until: '0 0 30 2 *', timezone: 'UTC' }, /never ends/],
  [{ from: '0 0 1 1 *', until: '0 0 1 12 *', timezone: 'UTC' }, /334 days long; 31 at most/],
  [{ from: '0 8 * * MON', until: '0 9 * * MON', timezone: 'Europe/Berlim' }, /time ?zone/i],
])('%j is refused, with its line', (window, why) => {
  const whole = { ...window, reason: 'x' };
  expect(whyNoWindow(whole, at('2026-12-01T00:00:00Z'))).toMatch(why);
  const file = `deploy:\n  target: docker\n  freezeWindows:\n    - ${JSON.stringify(whole)}\n`;
  expect(parseMillwrightYaml(file)).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/^millwright.yaml line 3: deploy.freezeWindows.0: /),
  });
});
