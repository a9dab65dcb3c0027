import { readFileSync } from 'node:fs';
import { factsOf, type Metrics, measure } from '@millwright/domain';
import { expect, test } from 'vitest';
import { openMetrics } from './openmetrics.ts';

const none = measure(factsOf([]), { from: 0, to: 3_600_000 });
const time = { n: 2, p50: 1_500, p90: 3_000 };
const some: Metrics = {
  ...none,
  deployments: { n: 3, perDay: 72 },
  changeLead: time,
  autonomy: { n: 1, of: 3, rate: 1 / 3 },
  kinds: [{ kind: 'bug', ended: 3, done: 2, usd: 0.5, usdPerDone: 0.25, lead: time }],
  stages: [
    { stage: 'merge "gate"', n: 2, waitingMs: 4_500, workingMs: 0, waiting: time, working: none.recovery },
  ],
  bottleneck: { stage: 'merge "gate"', mostly: 'waiting', share: 1 },
};

const NAME = '[a-z_]+';
const SAMPLE = new RegExp(
  `^(${NAME})(\\{${NAME}="(?:[^"\\\\\n]|\\\\[\\\\n"])*"(?:,${NAME}="(?:[^"\\\\\n]|\\\\[\\\\n"])*")*\\})? -?[0-9.e+-]+$`,
);

/** The names of the families, each told before its samples; throws where a line is none that the format has. */
function families(text: string): string[] {
  expect(text.endsWith('\n# EOF\n')).toBe(true);
  const found: string[] = [];
  for (const line of text.split('\n').slice(0, -2)) {
    const type = /^# TYPE (\w+) gauge$/.exec(line)?.[1];
    if (type !== undefined) found.push(type);
    else if (/^# (UNIT|HELP) /.test(line)) expect(line.split(' ')[2]).toBe(found.at(-1));
    else expect(SAMPLE.exec(line)?.[1], line).toBe(found.at(-1));
  }
  expect(new Set(found).size).toBe(found.length);
  return found;
}

test.each([
  ['of nothing', none],
  ['of something', some],
])('%s, every line is one that OpenMetrics has, and each family is told once', (_, figures) => {
  expect(families(openMetrics(figures))).toContain('millwright_autonomy_ratio');
});

test('what is of none is left out, and its count says so', () => {
  const text = openMetrics(none);
  expect(text).not.toMatch(/^millwright_autonomy_ratio/m);
  expect(text).toContain('\nmillwright_autonomy_samples 0\n');
  expect(openMetrics(some)).toContain('\nmillwright_change_lead_seconds{quantile="0.9"} 3\n');
  expect(openMetrics(some)).toContain(
    '\nmillwright_stage_time_seconds{stage="merge \\"gate\\"",time="waiting"} 4.5\n',
  );
});

test('the dashboard asks for nothing that is not there', () => {
  const there = families(openMetrics(some));
  const dashboard = readFileSync(new URL('../../../../../docs/grafana.json', import.meta.url), 'utf8');
  const asked = [...new Set(dashboard.match(/millwright_[a-z_]+/g))];
  expect(asked.length).toBeGreaterThan(8);
  for (const name of asked) expect(there).toContain(name);
});
