import type { QuarantineView } from '@millwright/api';
import { Plan, Ticket } from '@millwright/domain';
import { expect, it } from 'vitest';
import { gate, now, plainLook, run, stage } from '../testing/views.ts';
import { gateList, gateShow } from './gate.ts';
import { quarantineList } from './quarantine.ts';
import { runShow, stageLines } from './run.ts';
import { planLines } from './run-parts.ts';

const nothing = {
  binds: 'this',
  does: ['that'],
  acts: [],
  ticket: Ticket.parse({ title: 'T' }),
  plan: null,
  diff: null,
  reviews: [],
  tests: null,
  troubles: [],
};

it('shows of a plan where tasks that are made side by side write in one file', () => {
  const task = (id: string, more: object) => ({ id, title: id, instructions: `Do ${id}.`, ...more });
  const tasks = [task('a', { places: ['src/x.js: first', 'src/y.js: reads only'] }), task('b', {})];
  expect(planLines(plainLook(), Plan.parse({ kind: 'tasks', summary: 'Two.', tasks }))).toEqual([
    '  Two.',
    '',
    '  a  a',
    '    Do a.',
    '    its places in files that other tasks write in too',
    '    - src/x.js: first',
    '    - src/y.js: reads only',
    '',
    '  b  b',
    '    Do b.',
  ]);
});

it('writes a line a stage: symbol, kind, task, state, time, cost, and what its agent does or why it ended', () => {
  const view = run({
    stages: [
      stage({ state: 'done', endedAt: now - 56_900, usage: { ...stage().usage, usd: 0.0021 } }),
      stage({
        kind: 'implement',
        task: stage().task,
        title: 'Sum the lines',
        attempt: 2,
        action: 'edit src/\u001b[31msum.js',
        attemptId: 'b',
      }),
      stage({ kind: 'test', state: 'failed', reason: 'two tests fail', endedAt: now, attemptId: 'c' }),
      stage({ kind: 'review', asks: { model: 'claude-x', since: now - 39_000 }, attemptId: 'd' }),
    ],
  });
  expect(stageLines(plainLook(), view, now)).toEqual([
    '  ✔  plan                         done     3.1 s  $0.0021',
    '  ●  implement #2  Sum the lines  running   1:00  $0.0312  edit src/sum.js',
    '  ✖  test                         failed    1:00  $0.0312  two tests fail',
    '  ●  review                       running   1:00  $0.0312  no answer from claude-x for 39 s',
  ]);
});

it('says the beginning alone of a script that an agent ran last', () => {
  const view = run({ stages: [stage({ state: 'done', endedAt: now, action: 'x'.repeat(500) })] });
  expect(stageLines(plainLook(), view, now).join('')).toMatch(/ x{99}…$/);
});

it('fits what is in quarantine into eighty columns, and keeps what `release lift` takes', () => {
  const one = {
    ...{ repo: 'shop', commit: 'a'.repeat(40), release: 'rel_0mx1xqsgc06qjjj5v54', at: now },
    ...{ by: 'canary' as const, tickets: ['tkt_0mx1xppgn1djdivhdmd'] },
  };
  const lines = quarantineList(plainLook(80), [one as QuarantineView], now);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.at(-1)).toContain(one.release);
});

it.each([
  [{ all: false }, 'No gate waits for anybody.'],
  [{ all: false, repo: 'shop' }, 'No gate of shop waits for anybody.'],
  [{ all: true }, 'No gates yet.'],
  [{ all: true, repo: 'shop' }, 'No gates of shop yet.'],
])('says of which gates there is none: %j', (listed, said) => {
  expect(gateList(plainLook(), [], now, listed)).toEqual([said]);
});

it('fits a narrow terminal', () => {
  const view = run({
    stages: [
      stage({
        title: 'A title that goes on and on and on',
        action: 'bash npm test -- --reporter=spec and more',
      }),
    ],
  });
  const lines = stageLines(plainLook(60), view, now);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
  // What its agent does is all there, broken at spaces.
  expect(lines.map((line) => line.slice(-15).trim()).join(' ')).toContain('--reporter=spec');
});

it('shows a run whole in eighty columns: its title, why, what was seen a line each, what it left open', () => {
  const long = 'a sentence that goes on for longer than a terminal is wide, as people write them at night';
  const view = run({
    title: `Let shoppers search: ${long}`,
    state: 'rolled_back',
    endedAt: now,
    reason: [`Ann aborted it: ${long}`, 'healthy: after 3 ms', ...Array(20).fill(`log: ${long}`)].join('\n'),
    gates: [gate({ reason: long })],
    unknown: [{ effect: `a push: ${long}`, position: 9, at: now }],
    open: [{ path: 'src/x.js', line: 3, severity: 'minor', message: long }],
  });
  const lines = runShow(plainLook(80), view, now);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const words = lines.map((line) => line.trim()).join(' ');
  expect(words).toContain(`Let shoppers search: ${long}`);
  expect(words).toContain(`Ann aborted it: ${long}`);
  expect(lines).toContain('    healthy: after 3 ms');
  expect(words).toContain(`9 more lines: ./millwright run why ${view.id}`);
});

it.each([
  ['start', ['Nothing is made yet: plan, change, review and tests come after this gate.'], ['Tests', 'Plan']],
  [
    'merge',
    [
      'none now: it is being made again',
      'nothing was tested',
      'nobody reviewed this change',
      'there was none',
    ],
    [],
  ],
] as const)('a %s gate says plainly what is not there to decide on', (action, said, not) => {
  const lines = gateShow(plainLook(80), gate({ action }), nothing, now);
  const text = lines.map((line) => line.trim());
  for (const part of said) expect(text).toContain(part);
  for (const part of not) expect(text).not.toContain(part);
  expect(text).toContain('its title is all that it says');
});

it('shows a gate with its facts by name, its policies, and the exact bytes an approval is bound to', () => {
  const lines = gateShow(plainLook(), gate(), nothing, now).join('\n');
  expect(lines).toContain(`bound to  sha256:${'ab'.repeat(32)}`);
  expect(lines).toContain('Approvals: 0 of 2');
  expect(lines).toMatch(/change\.protectedPaths\s+migrations\/1\.sql/);
  expect(lines).toMatch(/change\.risk\s+raised/);
  expect(lines).toContain('./millwright gate approve gate_0000000000000001 --reason');
});
