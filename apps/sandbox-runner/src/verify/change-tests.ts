import type { ChangedPath, TestDoubt, TestReport } from '@millwright/domain';
import type { Mutant } from '@millwright/toolchains';
import { restoring } from './base-inputs.ts';
import { combined, type HarnessPlan, textEntry } from './harness-plan.ts';
import { type BaseFacts, exitOf, outcomesOf, type SuiteRun, testFilesOf } from './judge.ts';
import { run, type Subject } from './learn-base.ts';
import type { Outcome } from './report.ts';
import type { Prepared, RanSuite, Where } from './run-suite.ts';
import { readEntry } from './tree-entries.ts';

// Whether a change's tests say anything: they must be able to fail. They run against the base's code, which they should tell from the
// change's; and small faults are put into the changed lines, of which they should notice one.

/** What a change consists of, as far as tests go. */
export type ChangeParts = {
  /** Changed tests and what lies among them; the rest. */
  tests: string[];
  sources: string[];
};

/** `reported`: files that a run reported tests of. */
export function partsOf(
  { toolchain }: Pick<Subject, 'toolchain'>,
  changed: readonly ChangedPath[],
  reported: Readonly<Record<string, string>>,
): ChangeParts {
  const isTest = (path: string) => path in reported || toolchain.isAmongTests(path);
  const paths = changed.map(({ path }) => path);
  return { tests: paths.filter(isTest), sources: paths.filter((path) => !isTest(path)) };
}

/** What reverts these sources of a change and keeps its tests. */
export async function reverted(
  base: Prepared,
  sources: readonly string[],
  over: HarnessPlan,
): Promise<HarnessPlan> {
  return combined(over, await restoring(base.checkout, sources));
}

/** From the run of the change's tests on the base's code: which would have passed without the change, which need it. */
export function ownTestsOf(
  base: BaseFacts,
  parts: ChangeParts,
  observed: SuiteRun,
  old: SuiteRun,
): NonNullable<TestReport['ownTests']> {
  if (base.followed === 'by_exit_code') {
    const passes = exitOf(old) === 0;
    const all = ['the test command'];
    return { files: parts.tests.slice(0, 200), passing: passes ? all : [], failing: passes ? [] : all };
  }
  const reported = testFilesOf(observed);
  const files = parts.tests.filter((path) => path in reported);
  const known = new Set(base.outcomes.filter(({ state }) => state === 'pass').map(({ name }) => name));
  const now = outcomesOf(observed).filter(({ state, file }) => state === 'pass' && files.includes(file));
  const fresh = now.filter(({ name }) => !known.has(name));
  // A file in which no name is new: whatever of it changed goes by the old names.
  const own = [...fresh, ...now.filter(({ file }) => !fresh.some((one) => one.file === file))];
  const before = new Set(
    outcomesOf(old)
      .filter(({ state }) => state === 'pass')
      .map(({ file, name }) => `${file}\0${name}`),
  );
  const passedBefore = ({ file, name }: Outcome) => before.has(`${file}\0${name}`);
  const names = (of: readonly Outcome[]) => [...new Set(of.map(({ name }) => name))].slice(0, 200);
  return {
    files: files.slice(0, 200),
    passing: names(own.filter(passedBefore)),
    // Under an old name too: its body may be what changed.
    failing: names(now.filter((one) => !passedBefore(one))),
  };
}

/**
 * Names that the base's own copy fails on the change, while the change's copy passes with the old code and the new: the test was made to
 * say less than it did.
 */
export function emptiedTests(baseFailing: readonly string[], observed: SuiteRun, old: SuiteRun): string[] {
  const passes = (run_: SuiteRun, name: string) => {
    const all = outcomesOf(run_).filter((one) => one.name === name);
    return all.length > 0 && all.every(({ state }) => state === 'pass');
  };
  return baseFailing.filter((name) => passes(observed, name) && passes(old, name));
}

const MUTANTS = 4;
/** Of the suite's own time; at least, in milliseconds. */
const SHARE = 1.5;
const AT_LEAST_MS = 60_000;

/**
 * The strongest faults of each changed file, one file after the other: of files that the base has, where any of those has one. That a test notices
 * what is wrong with an added file says nothing of what others rest on.
 */
export async function mutantsOf(
  { toolchain }: Subject,
  base: Prepared,
  candidate: Prepared,
  parts: ChangeParts,
): Promise<Mutant[]> {
  const files: { isNew: boolean; of: Mutant[] }[] = [];
  for (const path of parts.sources.filter(toolchain.isSource)) {
    const [before, after] = await Promise.all([
      readEntry(base.checkout, path),
      readEntry(candidate.checkout, path),
    ]);
    if (after?.kind !== 'file') continue;
    const old = before?.kind === 'file' ? new TextDecoder().decode(before.bytes) : null;
    const of = toolchain.mutants(path, old, new TextDecoder().decode(after.bytes));
    if (of.length > 0) files.push({ isNew: old === null, of });
  }
  const known = files.filter(({ isNew }) => !isNew);
  const asked = known.length > 0 ? known : files;
  const chosen: Mutant[] = [];
  for (let nth = 0; asked.some(({ of }) => nth < of.length); nth++)
    chosen.push(...asked.flatMap(({ of }) => of[nth] ?? []));
  return chosen.slice(0, MUTANTS);
}

export const withMutant = (plan: HarnessPlan, { path, text }: Mutant): HarnessPlan =>
  combined(plan, { remove: [], write: [{ path, entry: textEntry(text) }] });

/** Tries faults one after the other until a test notices one, or the time for it is over; then the acceptance checks on those. */
export async function tryMutants(
  where: Where,
  subject: Subject,
  mutants: readonly Mutant[],
  with_: {
    plan: HarnessPlan;
    observed: RanSuite;
    base: BaseFacts;
    byChecks: (mutant: Mutant) => Promise<boolean>;
  },
): Promise<NonNullable<TestReport['mutants']> | null> {
  if (mutants.length === 0) return null;
  const { plan, observed, base } = with_;
  const until = performance.now() + Math.max(AT_LEAST_MS, SHARE * observed.result.ms);
  const survivors: Mutant[] = [];
  const said = (noticed: number) => ({
    tried: survivors.length + noticed,
    noticed,
    survivors: survivors.map(({ path, line, what }) => ({ path, line, what: what.slice(0, 300) })),
  });
  const timeoutMs = Math.min(subject.timeoutMs, 3 * observed.result.ms + 10_000);
  for (const mutant of mutants) {
    if (survivors.length > 0 && performance.now() > until) break;
    const ran = await run(
      where,
      { ...subject, timeoutMs },
      {
        purpose: 'verify-mutant',
        mode: base.followed === 'by_exit_code' ? 'plain' : 'mutant',
        plan: withMutant(plan, mutant),
        sessions: Math.max(1, base.sessions),
      },
    );
    if (notices(base, observed.run, ran.run)) return said(1);
    survivors.push(mutant);
  }
  for (const mutant of [...survivors]) {
    if (!(await with_.byChecks(mutant))) continue;
    survivors.splice(survivors.indexOf(mutant), 1);
    return said(1);
  }
  return said(0);
}

/** Whether a run says anything else than the run without the fault. */
function notices(base: BaseFacts, observed: SuiteRun, mutated: SuiteRun): boolean {
  if (mutated.end.kind === 'gone') return false; // The machine's doing: nobody noticed anything.
  if (exitOf(mutated) !== exitOf(observed)) return true;
  if (base.followed === 'by_exit_code') return false;
  const passing = (run_: SuiteRun) =>
    outcomesOf(run_)
      .filter(({ state }) => state === 'pass')
      .map(({ file, name }) => `${file}\0${name}`)
      .sort()
      .join('\n');
  return passing(observed) !== passing(mutated);
}

/** What the tests of a change leave in doubt. */
export function testDoubts(
  own: TestReport['ownTests'],
  mutants: TestReport['mutants'],
  changesCode: boolean,
): TestDoubt[] {
  const doubts: TestDoubt[] = [];
  if (own !== null && changesCode && own.failing.length === 0 && own.passing.length > 0)
    doubts.push({
      code: 'tests-pass-before',
      text: `is needed by no test that it adds or changes: all ${own.passing.length} pass with the base's code ("${own.passing[0]?.slice(0, 200)}")`,
    });
  const [first] = mutants?.survivors ?? [];
  if (mutants !== null && mutants.noticed === 0 && first !== undefined)
    doubts.push({
      ...{ code: 'tests-notice-nothing', path: first.path, line: first.line },
      text: `has lines whose faults no test notices: ${mutants.tried} tried, the first of them ${first.what}`,
    });
  return doubts;
}
