import { expect, test } from 'vitest';
import { type Canary, makeCanary } from './canary.ts';
import { type BaseFacts, judge, judgeByExitCode, learnBase, type SuiteRun } from './judge.ts';
import type { Outcome } from './report.ts';

let n = 0;
const canary: Canary = makeCanary('test/a.js', () => `q${String(n++).padStart(12, '0')}`);
const t = (name: string, state: Outcome['state'] = 'pass', file = 'test/a.js', message = ''): Outcome => ({
  ...{ kind: 'test', name, title: name.split(' > ').at(-1) ?? name, file, state, message },
});
const canaries = (change: Partial<Record<keyof Canary['names'], Outcome | null>> = {}): Outcome[] =>
  (['pass', 'throw', 'reject', 'assert'] as const).flatMap((kind) => {
    if (kind in change) return change[kind] ?? [];
    return t(canary.names[kind], kind === 'pass' ? 'pass' : 'fail', canary.file, `Error: ${canary.proof}`);
  });
const run = (outcomes: Outcome[], exitCode = 0, kind: 'finished' | 'unfinished' = 'finished'): SuiteRun => ({
  end: { kind: 'exited', exitCode },
  sessions: [{ kind, runner: 'mocha', outcomes, by: null }],
});
const tests = [t('x > adds'), t('x > twice'), t('x > twice'), t('known bad', 'fail')];
const base: BaseFacts = learnBase(run(tests), run([...tests, ...canaries()]), [canary]);
const judged = (plain: SuiteRun, proven: SuiteRun) => judge(base, plain, proven, [canary]);
const both = (outcomes: Outcome[], exitCode = 0) =>
  judged(run(outcomes, exitCode), run([...outcomes, ...canaries()]));

test('the base teaches names and which files carry canaries', () => {
  expect(base).toMatchObject({ runner: 'mocha', exitCode: 0, sessions: 1, carriers: ['test/a.js'] });
  expect(base.files).toEqual({ 'test/a.js': 'mocha' });
});

test('an honest run passes, with new tests and a test mended that failed on the base', () => {
  expect(both([...tests, t('new')])).toMatchObject({ verdict: 'passed', runner: 'mocha' });
  expect(both([...tests.slice(0, 3), t('known bad')])).toMatchObject({ verdict: 'passed' });
  expect(both(tests)).toMatchObject({ names: { base: 4, reported: 4, missing: [], failing: [] } });
});

test.each<[string, Outcome[], string, object]>([
  ['deleted', tests.slice(1), 'invalid', { missing: ['x > adds'] }],
  ['renamed', [...tests.slice(1), t('x > adds!')], 'invalid', { missing: ['x > adds'] }],
  ['skipped', [...tests.slice(1), t('x > adds', 'skip')], 'invalid', { missing: ['x > adds'] }],
  ['made a todo', [...tests.slice(1), t('x > adds', 'todo')], 'invalid', { missing: ['x > adds'] }],
  ['one of two of a name', tests.filter((_, i) => i !== 1), 'invalid', { missing: ['x > twice'] }],
  ['failing', [...tests.slice(1), t('x > adds', 'fail')], 'failed', { failing: ['x > adds'] }],
  ['failing beside a forged pass', [...tests, t('x > adds', 'fail')], 'failed', { failing: ['x > adds'] }],
  ['a new test fails', [...tests, t('new', 'fail')], 'failed', { failing: ['new'] }],
])('%s', (_name, outcomes, verdict, names) => {
  expect(both(outcomes)).toMatchObject({ verdict, names });
});

test.each<[string, Parameters<typeof canaries>[0]]>([
  ['a must-fail test passes', { throw: t(canary.names.throw) }],
  [
    'a must-fail test fails with another error',
    { reject: t(canary.names.reject, 'fail', canary.file, 'no') },
  ],
  ['the must-pass test fails', { pass: t(canary.names.pass, 'fail') }],
  ['a canary is missing', { pass: null }],
  ['assertions are neutered', { assert: t(canary.names.assert, 'fail', canary.file, 'neutered: equal') }],
])('invalid: %s', (_name, change) => {
  expect(judged(run(tests), run([...tests, ...canaries(change)])).verdict).toBe('invalid');
});

test('a name counts only from a file whose canaries were right', () => {
  const moved = [...tests.slice(1), t('x > adds', 'pass', 'test/new.js')];
  const added = makeCanary('test/new.js', () => `q${String(n++).padStart(12, '0')}`);
  const proven = run([...moved, ...canaries()]);
  expect(judge(base, run(moved), proven, [canary, added])).toMatchObject({
    verdict: 'invalid',
    names: { missing: ['x > adds'] },
  });
});

test('a file that could not be proven on the base vouches for its own names there, and for no others', () => {
  const rough = makeCanary('test/rough.js', () => `q${String(n++).padStart(12, '0')}`);
  const all = [...tests, t('rough', 'pass', 'test/rough.js')];
  const known = learnBase(run(all), run([...all, ...canaries()]), [canary, rough]);
  expect(known.carriers).toEqual(['test/a.js']);
  const judgedBy = (outcomes: Outcome[]) =>
    judge(known, run(outcomes), run([...outcomes, ...canaries()]), [canary, rough]);
  expect(judgedBy(all)).toMatchObject({ verdict: 'passed' });
  expect(judgedBy(tests)).toMatchObject({ verdict: 'invalid', names: { missing: ['rough'] } });
  expect(judgedBy([...all.slice(1), t('x > adds', 'pass', 'test/rough.js')])).toMatchObject({
    verdict: 'invalid',
    names: { missing: ['x > adds'] },
  });
});

test('a run that ends early is invalid, a crash fails, a forged report is invalid', () => {
  const proven = run([...tests, ...canaries()]);
  expect(judged(run(tests, 0, 'unfinished'), proven).verdict).toBe('invalid');
  expect(judged(run(tests, 7, 'unfinished'), proven).verdict).toBe('failed');
  expect(judged({ end: { kind: 'exited', exitCode: 0 }, sessions: [] }, proven).verdict).toBe('invalid');
  const forged: SuiteRun = { ...run([]), sessions: [{ kind: 'forged', why: 'line 1' }] };
  expect(judged(forged, proven).verdict).toBe('invalid');
});

test('time, a lost container and an exit code that the names do not explain are failures', () => {
  const proven = run([...tests, ...canaries()]);
  const end = (e: SuiteRun['end']): SuiteRun => ({ end: e, sessions: [] });
  expect(judged(end({ kind: 'timed_out', afterMs: 5_000 }), proven)).toMatchObject({
    verdict: 'failed',
    reason: 'The tests did not end within 5 s.',
  });
  expect(judged(run(tests), end({ kind: 'gone', reason: 'out of memory' })).verdict).toBe('failed');
  expect(judged(run(tests, 1), proven).verdict).toBe('failed');
});

test('unknown runners are judged by exit code alone, and say so', () => {
  const none: BaseFacts = learnBase({ end: { kind: 'exited', exitCode: 0 }, sessions: [] }, run([]), []);
  expect(none.runner).toBe('unknown');
  const ended = (exitCode: number): SuiteRun => ({ end: { kind: 'exited', exitCode }, sessions: [] });
  expect(judgeByExitCode(none, ended(0))).toMatchObject({ verdict: 'passed', runner: 'unknown' });
  expect(judgeByExitCode(none, ended(2))).toMatchObject({ verdict: 'failed' });
});
