import type { TestReport } from '@millwright/domain';
import { type Canary, canaryFault, type KnownRunner } from './canary.ts';
import type { Outcome, Session } from './report.ts';

// From what runs reported to a verdict. Pure.
//
// 1. A name that the base reported as passing must report again and pass, in both runs of the candidate, from a file whose canaries were right.
// 2. A name counts as often as the base reported it; every occurrence of it must pass.
// 3. No session's report may be forged or end early.
// 4. The plain run's exit code is 0 where the base's was: it also carries what a script checks beside the tests (types, style, coverage).
// Whatever is not understood is not a pass.

export type RunEnd =
  | { kind: 'exited'; exitCode: number }
  | { kind: 'timed_out'; afterMs: number }
  | { kind: 'gone'; reason: string };

/** One run of the test command in one container. */
export type SuiteRun = { end: RunEnd; sessions: Session[] };

/** What the base's own two runs taught. */
export type BaseFacts = {
  runner: KnownRunner | 'unknown';
  exitCode: number | null;
  sessions: number;
  outcomes: Outcome[];
  /** Which runner each test file reported through: a command may start several. */
  files: Record<string, KnownRunner>;
  /** Test files in which canaries report as they must; a name counts only from one of them (or from a file that never could carry any). */
  carriers: string[];
};

export type Judgement = Pick<TestReport, 'verdict' | 'reason' | 'runner' | 'names'>;

export const outcomesOf = (run: SuiteRun): Outcome[] =>
  run.sessions.flatMap((session) => (session.kind === 'forged' ? [] : session.outcomes));

/** The test files that reported, with their runner. */
export function filesOf(run: SuiteRun): Record<string, KnownRunner> {
  const files: Record<string, KnownRunner> = {};
  for (const session of run.sessions) {
    if (session.kind === 'forged' || session.runner === 'check') continue;
    for (const { file } of session.outcomes) if (file !== '') files[file] = session.runner;
  }
  return files;
}

/** Learns from the base: `canaried` is its run with a canary in every file of `canaries`. */
export function learnBase(observed: SuiteRun, canaried: SuiteRun, canaries: readonly Canary[]): BaseFacts {
  const runner = observed.sessions
    .flatMap((session) => (session.kind === 'forged' || session.runner === 'check' ? [] : [session.runner]))
    .at(0);
  const outcomes = outcomesOf(observed);
  const right = outcomesOf(canaried);
  const carriers = canaries.filter((c) => canaryFault(c, right) === null).map((c) => c.file);
  const exitCode = observed.end.kind === 'exited' ? observed.end.exitCode : null;
  if (runner === undefined)
    return { runner: 'unknown', exitCode, sessions: 0, outcomes: [], files: {}, carriers: [] };
  const files = filesOf(observed);
  return { runner, exitCode, sessions: observed.sessions.length, outcomes, files, carriers };
}

const some = (names: readonly string[]) =>
  `${names
    .slice(0, 3)
    .map((name) => `"${name.slice(0, 200)}"`)
    .join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;

/** The verdict over a candidate's plain run and its run with canaries. */
export function judge(
  base: BaseFacts,
  observed: SuiteRun,
  canaried: SuiteRun,
  canaries: readonly Canary[],
): Judgement {
  const seen = outcomesOf(observed);
  const proven = outcomesOf(canaried);
  const ours = new Set(canaries.flatMap((canary) => Object.values(canary.names)));
  const faults = new Map(canaries.map((canary) => [canary.file, canaryFault(canary, proven)]));
  // A file that could not be proven on the base either (its own end of the process, say) vouches for the names it had there, and no others.
  const unproven = new Set(
    base.outcomes.filter((o) => !base.carriers.includes(o.file)).map((o) => `${o.file}\0${o.name}`),
  );
  const believed = ({ file, name }: Outcome) =>
    faults.get(file) === null ||
    (!faults.has(file) && !base.carriers.includes(file)) ||
    unproven.has(`${file}\0${name}`);
  const badAtBase = new Set(base.outcomes.filter((o) => o.state === 'fail').map((o) => o.name));
  const failing = unique(
    [...seen, ...proven]
      .filter((o) => o.state === 'fail' && !ours.has(o.title) && !badAtBase.has(o.name))
      .map((o) => o.name || o.message),
  );
  const missing = unique([
    ...missingFrom(base, seen, believed, failing),
    ...missingFrom(base, proven, believed, failing),
  ]);
  const names = {
    base: base.outcomes.length,
    reported: seen.length,
    missing: missing.slice(0, 200),
    failing: failing.slice(0, 200),
    ...{ failingOnBase: [], turned: [] },
  };
  const runner = base.carriers.length === 0 && base.outcomes.length > 0 ? ('unknown' as const) : base.runner;
  const say = (verdict: TestReport['verdict'], reason: string): Judgement => ({
    ...{ verdict, reason: reason.slice(0, 4_000), runner, names },
  });

  for (const { end } of [observed, canaried]) {
    if (end.kind === 'timed_out')
      return say('failed', `The tests did not end within ${Math.round(end.afterMs / 1_000)} s.`);
    if (end.kind === 'gone')
      return say('failed', `The test container ended before the tests did: ${end.reason}.`);
  }
  const exitCode = observed.end.kind === 'exited' ? observed.end.exitCode : null;
  const forged = [...observed.sessions, ...canaried.sessions].find((session) => session.kind === 'forged');
  if (forged?.kind === 'forged') return say('invalid', `The test report cannot be believed: ${forged.why}.`);
  if (failing.length > 0) return say('failed', `${failing.length} failing: ${some(failing)}.`);
  const fault = base.carriers.map((file) => faults.get(file)).find((f) => f !== null && f !== undefined);
  if (fault !== undefined) return say('invalid', `The run cannot be believed: ${fault}.`);
  for (const run of [observed, canaried]) {
    const finished = run.sessions.filter((session) => session.kind === 'finished').length;
    if (finished === run.sessions.length && finished >= base.sessions) continue;
    const crash = exitCode !== 0 && run === observed;
    return say(
      crash ? 'failed' : 'invalid',
      `The test runner's process ended before its tests did (exit code ${exitCode}): a crash, or something calls process.exit.`,
    );
  }
  if (missing.length > 0)
    return say(
      'invalid',
      `${missing.length} ${missing.length === 1 ? 'test' : 'tests'} that the base passes did not report as passed (deleted, renamed, skipped or not reached): ${some(missing)}.`,
    );
  if (exitCode !== 0 && base.exitCode === 0)
    return say(
      'failed',
      `Every test passed, but the test command ended with exit code ${exitCode}, and with 0 on the base.`,
    );
  const count = seen.filter((o) => o.state === 'pass').length;
  return say(
    'passed',
    `${count} tests passed${badAtBase.size > 0 ? `; ${badAtBase.size} already failed on the base` : ''}.`,
  );
}

/** For runners whose names are unknown: the exit code is all there is, and the gate is told so. */
export function judgeByExitCode(base: BaseFacts, observed: SuiteRun): Judgement {
  const names = { base: 0, reported: 0, missing: [], failing: [], failingOnBase: [], turned: [] };
  const { end } = observed;
  const say = (verdict: TestReport['verdict'], reason: string): Judgement => ({
    ...{ verdict, reason, runner: 'unknown', names },
  });
  if (end.kind === 'timed_out')
    return say('failed', `The tests did not end within ${Math.round(end.afterMs / 1_000)} s.`);
  if (end.kind === 'gone')
    return say('failed', `The test container ended before the tests did: ${end.reason}.`);
  if (end.exitCode !== 0) return say('failed', `The test command ended with exit code ${end.exitCode}.`);
  const note = base.exitCode === 0 ? '' : ` (it ended with ${base.exitCode ?? 'no exit code'} on the base)`;
  return say('passed', `The test command ended with exit code 0${note}; its runner's names are unknown.`);
}

const unique = (names: string[]) => [...new Set(names)];

function missingFrom(
  base: BaseFacts,
  outcomes: readonly Outcome[],
  believed: (outcome: Outcome) => boolean,
  failing: readonly string[],
): string[] {
  const passing = new Map<string, number>();
  const files = new Set<string>();
  for (const o of outcomes) {
    if (o.state !== 'pass' || !believed(o)) continue;
    if (o.kind === 'test') passing.set(o.name, (passing.get(o.name) ?? 0) + 1);
    files.add(o.file);
  }
  const wanted = new Map<string, number>();
  const missing: string[] = [];
  for (const o of base.outcomes) {
    if (o.state !== 'pass') continue;
    // A file without tests of its own passes as a whole (node --test): any pass from it will do.
    if (o.kind === 'file') {
      if (!files.has(o.file)) missing.push(o.name);
    } else {
      wanted.set(o.name, (wanted.get(o.name) ?? 0) + 1);
    }
  }
  const bad = new Set(failing);
  for (const [name, count] of wanted)
    if ((passing.get(name) ?? 0) < count && !bad.has(name)) missing.push(name);
  return missing;
}
