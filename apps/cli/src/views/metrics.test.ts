import { DigestView, MetricsView } from '@millwright/api';
import { expect, it } from 'vitest';
import { plainLook } from '../testing/views.ts';
import { digestText } from './digest.ts';
import { metricsText } from './metrics.ts';

const none = { n: 0, p50: null, p90: null };
const rate = { n: 0, of: 0, rate: null };
const DAY = 86_400_000;
const empty = MetricsView.parse({
  ...{ from: 0, to: 30 * DAY, deployments: { n: 0, perDay: 0 }, changeLead: none, recovery: none },
  ...{
    changeFailure: rate,
    rework: rate,
    autonomy: rate,
    selfHealing: rate,
    kinds: [],
    stages: [],
    bottleneck: null,
  },
});

it('says of what is of none that there is none yet, and shows no empty table', () => {
  const text = metricsText(plainLook(80), empty).join('\n');
  expect(text.match(/none yet/g)).toHaveLength(6);
  expect(text).not.toContain('%');
  expect(text).not.toContain('stage');
});

it('fits 80 columns, with how many each figure is of', () => {
  const time = { n: 12, p50: 45_296_000, p90: 86_399_000 };
  const many = { n: 9, of: 12, rate: 0.75 };
  const lines = metricsText(plainLook(80), {
    ...{ ...empty, changeLead: time, recovery: time, changeFailure: many, rework: many, autonomy: many },
    selfHealing: many,
    deployments: { n: 12, perDay: 0.4 },
    kinds: [{ kind: 'performance', ended: 12, done: 9, usd: 123.4, usdPerDone: 13.71, lead: time }],
    stages: [
      { stage: 'merge queue', n: 12, waitingMs: 9e7, workingMs: 0, waiting: time, working: none },
      { stage: 'implement', n: 12, waitingMs: 1, workingMs: 1e7, waiting: none, working: time },
    ],
    bottleneck: { stage: 'merge queue', mostly: 'waiting', share: 0.9 },
  });
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  const text = lines.join('\n');
  expect(text).toContain('75 %   9 of 12');
  expect(text).toContain('n 12');
  expect(text).toContain('Most time goes to merge queue: 90 % of it, mostly waiting.');
});

it('a digest is Markdown: every line names its entry, words stay words, and what is nothing says so', () => {
  const line = {
    position: 7,
    at: 0,
    repo: 'shop',
    run: 'run_0123456789abcdef',
    title: 'Sell *mugs*',
    text: 'a_b',
  };
  const act = { act: 'show-gate', id: 'gate_0123456789abcdef' };
  const text = digestText(
    DigestView.parse({
      ...{ from: 0, to: DAY, broke: [], shipped: [line], running: [], spent: { usd: 0, repos: [] } },
      needsYou: [{ ...line, who: 'approver', acts: [act] }],
    }),
  ).join('\n');
  expect(text).toContain(
    '## Needs you\n\n- shop, Sell \\*mugs\\*: a\\_b (entry 7)\n  - as approver: `./millwright gate show gate_0123456789abcdef`',
  );
  expect(text).toContain('## Broke or rolled back\n\nNothing.');
  expect(text).toContain('## Spent\n\nNothing.');
});
