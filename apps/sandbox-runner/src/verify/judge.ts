import type { TestReport, Verdict } from '@millwright/domain';
import type { Canary } from '@millwright/toolchains';
import { canaryFault } from './canaries.ts';
import type { Outcome, Session } from './report.ts';

// From what runs reported to a verdict. Pure.
//
// 1. A name that the base reported as passing must report again and pass, in both runs of the candidate, from a file whose canaries were right.
// 2. A name counts as often as the base reported it; every occurrence of it must pass.
// 3. No session's report may be forged or end early.
// 4. The plain run's exit code is 0 where the base's was: it also carries what a script checks beside the tests (types, style, coverage).
// 5. What fails on the base in the same way is not the change's. A run in which nothing could fail is no pass.
// Whatever is not understood is not a pass.

type RunEnd =
  | { kind: 'exited'; exitCode: number }
  | { kind: 'timed_out'; afterMs: number }
  | { kind: 'gone'; reason: string };

/** One run of the test command in one container. */
export type SuiteRun = { end: RunEnd; sessions: Session[] };

export type Followed = Exclude<TestReport['followed'], 'not_run'>;

/** What the base's own runs taught. */
export type BaseFacts = {
  runner: string;
  followed: Followed;
  /** Why it is not followed as far as its runner can be. */
  fellBack: string | null;
  /** What the tree asks of its runtime that the sandbox does not have, in words. */
  unfit: string | null;
  /** Of the run without anything of ours, null where it did not end by itself. */
  plainExit: number | null;
  /** Of the run that was followed; the same as `plainExit` where none was. */
  exitCode: number | null;
  /** Of a command of several steps that did not end well, how many did; null where it did, or is not known. */
  passed: number | null;
  /** Milliseconds that the followed run took. */
  ms: number;
  sessions: number;
  outcomes: Outcome[];
  /** Which runner each test file reported through: a command may start several. */
  files: Record<string, string>;
  /** Test files in which canaries report as they must; a name counts only from one of them (or from a file that never could carry any). */
  carriers: Record<string, Canary['place']>;
  /** By exit code: whether test files that fail when they are loaded make the command fail. Null where that is not known. */
  canFail: boolean | null;
};

export type Judgement = Pick<
  TestReport,
  'verdict' | 'reason' | 'runner' | 'names' | 'followed' | 'fellBack'
> & {
  failures: Outcome[];
};

export const outcomesOf = (run: SuiteRun): Outcome[] =>
  run.sessions.flatMap((session) => (session.kind === 'forged' ? [] : session.outcomes));

/** The test files that reported, with their runner. */
export function testFilesOf(run: SuiteRun): Record<string, string> {
  const files: Record<string, string> = {};
  for (const session of run.sessions) {
    if (session.kind === 'forged' || session.runner === 'check') continue;
    for (const { file } of session.outcomes) if (file !== '') files[file] = session.runner;
  }
  return files;
}

export const runnerOf = (run: SuiteRun): string | null =>
  run.sessions.flatMap((session) =>
    session.kind === 'forged' || session.runner === 'check' ? [] : [session.runner],
  )[0] ?? null;

export const exitOf = ({ end }: SuiteRun): number | null => (end.kind === 'exited' ? end.exitCode : null);

const key = ({ file, name }: Outcome) => `${file}\0${name}`;

/**
 * The files whose canaries were right in `canaried`, and whose own tests said there what they said in `observed`: where a canary changes
 * what a test sees, the canary is at fault.
 */
export function carriersOf(
  observed: SuiteRun,
  canaried: SuiteRun,
  canaries: readonly Canary[],
): Record<string, Canary['place']> {
  const right = outcomesOf(canaried);
  const ours = new Set(canaries.flatMap(({ marks }) => marks.map(({ title }) => title)));
  const states = (outcomes: readonly Outcome[], file: string) =>
    outcomes
      .filter((o) => o.file === file && !ours.has(o.title))
      .map((o) => `${o.state} ${o.name}`)
      .sort()
      .join('\n');
  const seen = outcomesOf(observed);
  return Object.fromEntries(
    canaries
      .filter((c) => canaryFault(c, right) === null && states(seen, c.file) === states(right, c.file))
      .map((c) => [c.file, c.place]),
  );
}

/**
 * Names that fail in one of a candidate's two runs and pass in the other, with the runs that they fail in; empty where anything else is wrong
 * with either. Such a test may fail by itself (a limit of time on a busy machine), and is worth another look. `runs`: plain, with canaries.
 */
export function unsteadyOf(
  base: BaseFacts,
  runs: readonly SuiteRun[],
  canaries: readonly Canary[],
): { names: string[]; in: number[] } {
  const [, canaried] = runs;
  if (canaried === undefined) return { names: [], in: [] };
  const ours = new Set(canaries.flatMap(({ marks }) => marks.map(({ title }) => title)));
  const badAtBase = new Set(base.outcomes.filter((o) => o.state === 'fail').map((o) => o.name));
  const of = (run: SuiteRun, state: Outcome['state']) =>
    new Map(
      outcomesOf(run)
        .filter((o) => o.state === state && !ours.has(o.title) && !badAtBase.has(o.name))
        .map((o) => [key(o), o.name]),
    );
  const failing = runs.map((run) => of(run, 'fail'));
  const passing = runs.map((run) => of(run, 'pass'));
  const sound =
    runs.every(
      ({ end, sessions }) => end.kind === 'exited' && sessions.every(({ kind }) => kind === 'finished'),
    ) &&
    canaries.every((canary) => canaryFault(canary, outcomesOf(canaried)) === null) &&
    failing.every((keys, nth) =>
      [...keys.keys()].every((one) => passing[1 - nth]?.has(one) && !failing[1 - nth]?.has(one)),
    );
  return sound
    ? {
        names: unique(failing.flatMap((keys) => [...keys.values()])),
        in: failing.flatMap(({ size }, nth) => (size > 0 ? [nth] : [])),
      }
    : { names: [], in: [] };
}

const some = (names: readonly string[]) =>
  `${names
    .slice(0, 3)
    .map((name) => `"${name.slice(0, 200)}"`)
    .join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;

const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;

/** The verdict over a candidate's run and its run with canaries, both followed by name. */
export function judge(
  base: BaseFacts,
  observed: SuiteRun,
  canaried: SuiteRun,
  canaries: readonly Canary[],
  /** The ticket says that tests go or change. */
  testsMayGo = false,
): Judgement {
  const seen = outcomesOf(observed);
  const proven = outcomesOf(canaried);
  const ours = new Set(canaries.flatMap(({ marks }) => marks.map(({ title }) => title)));
  const faults = new Map(canaries.map((canary) => [canary.file, canaryFault(canary, proven)]));
  const carries = (file: string) => file in base.carriers;
  // A file that could not be proven on the base either (its own end of the process, say) vouches for the names it had there, and no others.
  const unproven = new Set(base.outcomes.filter((o) => !carries(o.file)).map(key));
  const believed = (o: Outcome) =>
    faults.get(o.file) === null || (!faults.has(o.file) && !carries(o.file)) || unproven.has(key(o));
  const badAtBase = new Set(base.outcomes.filter((o) => o.state === 'fail').map((o) => o.name));
  const fails = [...seen, ...proven].filter((o) => o.state === 'fail' && !ours.has(o.title));
  const mine = fails.filter((o) => !badAtBase.has(o.name));
  const nameOf = (o: Outcome) => o.name || o.message;
  const failing = unique(mine.map(nameOf));
  const failingOnBase = unique(fails.filter((o) => badAtBase.has(o.name)).map(nameOf));
  const missing = unique([
    ...missingFrom(base, seen, believed, failing),
    ...missingFrom(base, proven, believed, failing),
  ]);
  const turned = unique(
    seen.filter((o) => o.state === 'pass' && badAtBase.has(o.name) && believed(o)).map((o) => o.name),
  ).filter((name) => !failingOnBase.includes(name));
  const names = {
    base: base.outcomes.length,
    reported: seen.length,
    ...{ missing: missing.slice(0, 200), failing: failing.slice(0, 200) },
    ...{ failingOnBase: failingOnBase.slice(0, 200), turned: turned.slice(0, 200) },
  };
  const say = (verdict: Verdict, reason: string): Judgement => ({
    ...{ verdict, reason: reason.slice(0, 4_000), runner: base.runner, names },
    ...{ followed: base.followed, fellBack: base.fellBack, failures: mine.length > 0 ? mine : fails },
  });

  for (const { end } of [observed, canaried]) {
    const ended = badEnd(end, base);
    if (ended !== null) return say(...ended);
  }
  const exitCode = exitOf(observed);
  const forged = [...observed.sessions, ...canaried.sessions].find((session) => session.kind === 'forged');
  if (forged?.kind === 'forged') return say('invalid', `The test report cannot be believed: ${forged.why}.`);
  if (failing.length > 0) return say('failed', `${failing.length} failing: ${some(failing)}.`);
  const fault = Object.keys(base.carriers)
    .map((file) => faults.get(file))
    .find((f) => f !== null && f !== undefined);
  if (fault !== undefined) return say('invalid', `The run cannot be believed: ${fault}.`);
  for (const run of canaries.length === 0 ? [observed] : [observed, canaried]) {
    const finished = run.sessions.filter((session) => session.kind === 'finished').length;
    if (finished === run.sessions.length && finished >= base.sessions) continue;
    const crash = exitCode !== 0 && run === observed;
    return say(
      crash ? 'failed' : 'invalid',
      `The test runner's process ended before its tests did (exit code ${exitCode}): a crash, or something calls process.exit.`,
    );
  }
  if (missing.length > 0 && !testsMayGo)
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
  if (failingOnBase.length > 0)
    return say(
      'failing_as_on_base',
      `${failingOnBase.length} ${failingOnBase.length === 1 ? 'test fails' : 'tests fail'} as on the base (${some(failingOnBase)}); ${count} passed.`,
    );
  if (count === 0) return say('no_tests', 'The test command ran, and no test in it.');
  if (exitCode !== 0)
    return say(
      'failing_as_on_base',
      `${count} tests passed; the test command ended with exit code ${exitCode}, as on the base.`,
    );
  const mended = turned.length > 0 ? `; ${turned.length} of them failed on the base` : '';
  const loose = canaries.some(({ place }) => place === 'loose')
    ? ' A plugin of its tests replaces assertions: they were tried, and not frozen.'
    : '';
  return say('passed', `${count} tests passed${mended}.${loose}`);
}

/** What a run says that did not end by itself, or null. */
function badEnd(end: RunEnd, base: BaseFacts): [Verdict, string] | null {
  if (end.kind === 'exited') return null;
  const how =
    end.kind === 'timed_out'
      ? `The tests did not end within ${seconds(end.afterMs)}`
      : `The test container ended before the tests did: ${end.reason}`;
  return base.plainExit === null ? ['failing_as_on_base', `${how}, as on the base.`] : ['failed', `${how}.`];
}

/**
 * For runners whose names are unknown: the exit code is all there is, and the gate is told so. `spoilt` is the run in which every test file
 * fails when it is loaded: the command must end otherwise then. Null where the tree has none, or the base's command ends the same with it.
 */
export function judgeByExitCode(base: BaseFacts, observed: SuiteRun, spoilt: SuiteRun | null): Judgement {
  const exitCode = exitOf(observed);
  const turned = exitCode === 0 && base.exitCode !== 0 && base.exitCode !== null ? ['the test command'] : [];
  const names = { base: 0, reported: 0, missing: [], failing: [], failingOnBase: [], turned };
  const say = (verdict: Verdict, reason: string): Judgement => ({
    ...{ verdict, reason: reason.slice(0, 4_000), runner: base.runner, names, failures: [] },
    ...{ followed: 'by_exit_code', fellBack: base.fellBack },
  });
  const ended = badEnd(observed.end, base);
  if (ended !== null) return say(...ended);
  if (exitCode !== 0 && base.exitCode !== 0 && base.exitCode !== null)
    return say(
      'failing_as_on_base',
      `The test command ended with exit code ${exitCode}, and with ${base.exitCode} on the base.`,
    );
  if (exitCode !== 0) return say('failed', `The test command ended with exit code ${exitCode}.`);
  if (spoilt === null)
    return say(
      'no_tests',
      base.canFail === false
        ? 'The test command ended with exit code 0, as it does with every test file made to fail.'
        : 'The test command ended with exit code 0, and nothing of the tree is known to be a test that could fail.',
    );
  if (exitOf(spoilt) === 0)
    return say(
      'invalid',
      'The run cannot be believed: with every test file made to fail the test command still ended with exit code 0, and not on the base.',
    );
  return say('passed', "The test command ended with exit code 0; its runner's names are unknown.");
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
