import { javascript } from '@millwright/toolchains';
import { expect, test } from 'vitest';
import {
  type BaseFacts,
  carriersOf,
  judge,
  judgeByExitCode,
  outcomesOf,
  type SuiteRun,
  testFilesOf,
  unsteadyOf,
} from './judge.ts';
import type { Outcome } from './report.ts';

let n = 0;
const canaryIn = (file: string) =>
  javascript.makeCanary({ file, runner: 'mocha', place: 'after' }, () => `q${String(n++).padStart(12, '0')}`);
const canary = canaryIn('test/a.js');
const t = (name: string, state: Outcome['state'] = 'pass', file = 'test/a.js', message = ''): Outcome => ({
  ...{ kind: 'test', name, title: name.split(' > ').at(-1) ?? name, file, state, message },
});
const canaries = (change: Partial<Record<string, (title: string) => Outcome | null>> = {}): Outcome[] =>
  canary.marks.flatMap(({ title, kind }) => {
    const changed = change[kind];
    if (changed !== undefined) return changed(title) ?? [];
    return t(title, kind === 'pass' ? 'pass' : 'fail', canary.file, `Error: ${canary.proof}`);
  });
const run = (outcomes: Outcome[], exitCode = 0, kind: 'finished' | 'unfinished' = 'finished'): SuiteRun => ({
  end: { kind: 'exited', exitCode },
  sessions: [{ kind, runner: 'mocha', outcomes }],
});
const learn = (observed: SuiteRun, canaried: SuiteRun, all = [canary]): BaseFacts => ({
  ...{ runner: 'mocha', followed: 'proven', fellBack: null, unfit: null, ms: 1, sessions: 1, canFail: null },
  passed: null,
  ...{ plainExit: 0, exitCode: observed.end.kind === 'exited' ? observed.end.exitCode : null },
  ...{ outcomes: outcomesOf(observed), files: testFilesOf(observed) },
  carriers: carriersOf(observed, canaried, all),
});
const tests = [t('x > adds'), t('x > twice'), t('x > twice'), t('known bad', 'fail')];
const base = learn(run(tests), run([...tests, ...canaries()]));
const judged = (plain: SuiteRun, proven: SuiteRun) => judge(base, plain, proven, [canary]);
const both = (outcomes: Outcome[], exitCode = 0) =>
  judged(run(outcomes, exitCode), run([...outcomes, ...canaries()]));

test('the base teaches names and which files carry canaries', () => {
  expect(base.carriers).toEqual({ 'test/a.js': 'after' });
  expect(base.files).toEqual({ 'test/a.js': 'mocha' });
});

test('an honest run passes, with new tests and a test mended that failed on the base', () => {
  expect(both([...tests.slice(0, 3), t('known bad'), t('new')])).toMatchObject({
    verdict: 'passed',
    runner: 'mocha',
  });
  expect(both([...tests.slice(0, 3), t('known bad')])).toMatchObject({
    verdict: 'passed',
    names: { base: 4, reported: 4, missing: [], failing: [], failingOnBase: [], turned: ['known bad'] },
  });
});

test('what fails in one of two runs alone is looked at again; not what fails in both, or is missing in the other', () => {
  const late = [t('x > adds', 'fail'), ...tests.slice(1)];
  const of = (plain: Outcome[], proven: Outcome[]) =>
    unsteadyOf(base, [run(plain), run([...proven, ...canaries()])], [canary]);
  expect(of(tests, tests)).toEqual({ names: [], in: [] });
  expect(of(late, tests)).toEqual({ names: ['x > adds'], in: [0] });
  expect(of(tests, late)).toEqual({ names: ['x > adds'], in: [1] });
  expect(of(late, late)).toEqual({ names: [], in: [] });
  expect(of(late, tests.slice(1))).toEqual({ names: [], in: [] });
  const two = [t('x > adds'), t('new', 'fail')];
  expect(of(two, [t('x > adds', 'fail'), t('new')])).toEqual({ names: ['new', 'x > adds'], in: [0, 1] });
  expect(of(two, [t('x > adds', 'fail'), t('new', 'fail')])).toEqual({ names: [], in: [] });
});

test('what fails on the base too is the base’s, and no pass', () => {
  expect(both(tests)).toMatchObject({
    verdict: 'failing_as_on_base',
    reason: '1 test fails as on the base ("known bad"); 3 passed.',
    names: { failing: [], failingOnBase: ['known bad'], turned: [] },
  });
  const red = { ...base, exitCode: 1 };
  expect(
    judge(red, run(tests.slice(0, 3), 1), run([...tests.slice(0, 3), ...canaries()]), [canary]),
  ).toMatchObject({
    verdict: 'failing_as_on_base',
    reason: expect.stringContaining('exit code 1, as on the base'),
  });
});

test('a run without any test is no pass', () => {
  const none = learn(run([]), run([]), []);
  expect(judge(none, run([]), run([]), [])).toMatchObject({ verdict: 'no_tests' });
});

test('tests that the ticket lets go are no reason to disbelieve', () => {
  const fewer = [...tests.slice(1, 3), t('known bad')];
  expect(judge(base, run(fewer), run([...fewer, ...canaries()]), [canary], true)).toMatchObject({
    verdict: 'passed',
    names: { missing: ['x > adds'] },
  });
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
  ['a must-fail test passes', { throw: (title) => t(title) }],
  ['a must-fail test fails with another error', { reject: (title) => t(title, 'fail', canary.file, 'no') }],
  ['the must-pass test fails', { pass: (title) => t(title, 'fail') }],
  ['a canary is missing', { pass: () => null }],
  ['assertions are neutered', { assert: (title) => t(title, 'fail', canary.file, 'neutered: equal') }],
])('invalid: %s', (_name, change) => {
  expect(judged(run(tests), run([...tests, ...canaries(change)])).verdict).toBe('invalid');
});

test('a name counts only from a file whose canaries were right', () => {
  const moved = [...tests.slice(1), t('x > adds', 'pass', 'test/new.js')];
  const added = canaryIn('test/new.js');
  const proven = run([...moved, ...canaries()]);
  expect(judge(base, run(moved), proven, [canary, added])).toMatchObject({
    verdict: 'invalid',
    names: { missing: ['x > adds'] },
  });
});

test('a file that could not be proven on the base vouches for its own names there, and for no others', () => {
  const rough = canaryIn('test/rough.js');
  const all = [...tests, t('rough', 'pass', 'test/rough.js')];
  const known = learn(run(all), run([...all, ...canaries()]), [canary, rough]);
  expect(known.carriers).toEqual({ 'test/a.js': 'after' });
  const judgedBy = (outcomes: Outcome[]) =>
    judge(known, run(outcomes), run([...outcomes, ...canaries()]), [canary, rough]);
  expect(judgedBy(all)).toMatchObject({ verdict: 'failing_as_on_base' });
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

test('unknown runners are judged by exit code, and by whether their tests could fail', () => {
  const ended = (exitCode: number): SuiteRun => ({ end: { kind: 'exited', exitCode }, sessions: [] });
  const none = { ...learn(ended(0), ended(0), []), runner: 'unknown', followed: 'by_exit_code' as const };
  expect(judgeByExitCode(none, ended(0), null)).toMatchObject({ verdict: 'no_tests', runner: 'unknown' });
  expect(judgeByExitCode(none, ended(2), null)).toMatchObject({ verdict: 'failed' });
  const canFail = { ...none, canFail: true };
  expect(judgeByExitCode(canFail, ended(0), ended(1))).toMatchObject({ verdict: 'passed' });
  expect(judgeByExitCode(canFail, ended(0), ended(0))).toMatchObject({ verdict: 'invalid' });
  expect(judgeByExitCode({ ...none, canFail: false }, ended(0), null)).toMatchObject({ verdict: 'no_tests' });
  const red = { ...none, exitCode: 1 };
  expect(judgeByExitCode(red, ended(1), null)).toMatchObject({ verdict: 'failing_as_on_base' });
  expect(judgeByExitCode(red, ended(0), null)).toMatchObject({ verdict: 'no_tests' });
  expect(judgeByExitCode(red, ended(0), ended(0))).toMatchObject({ verdict: 'invalid' });
  expect(judgeByExitCode(red, ended(0), ended(1))).toMatchObject({
    verdict: 'passed',
    names: { turned: ['the test command'] },
  });
});
