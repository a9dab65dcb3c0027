import type { Canary } from '@millwright/toolchains';
import type { HarnessPlan } from './harness-plan.ts';
import { type BaseFacts, carriersOf, exitOf, type Judgement, outcomesOf, testFilesOf } from './judge.ts';
import type { Prepared, RanSuite } from './run-suite.ts';
import { readEntry } from './tree-entries.ts';

// A tree that passed is, once merged, the next base; its two runs are then the two runs that a base is learned from, if nothing was
// different in them. So the suites of a change that follows need not run again on a tree that has just been run.

export type Passed = {
  candidate: Prepared;
  plan: HarnessPlan;
  /** What was known of the base: the runs of its successor were followed in the same way. */
  base: BaseFacts;
  judgement: Judgement;
  observed: RanSuite;
  /** Null where names are unknown: then there are no canaries. */
  canaried: RanSuite | null;
  canaries: readonly Canary[];
  canCarry: (file: string) => boolean;
};

/**
 * What a passed candidate's runs teach of it as a base, or null where they were not what a base's runs would have been: the base's
 * configuration differed from its own, a runner could not report for want of a key, or a test file of it carried no canary.
 */
export async function factsOfPassed(passed: Passed): Promise<BaseFacts | null> {
  const { candidate, plan, base, judgement, observed, canaried, canaries, canCarry } = passed;
  if (judgement.verdict !== 'passed' || candidate.root !== '/workspace') return null;
  if (!observed.whole || canaried?.whole === false) return null;
  if (!(await isItsOwn(candidate, plan))) return null;
  const exitCode = exitOf(observed.run);
  const ended = { plainExit: exitCode, exitCode, passed: observed.passed, ms: observed.result.ms };
  // By exit code it passed since its command fails where its tests are made to.
  if (canaried === null)
    return base.followed === 'by_exit_code' ? { ...base, ...ended, canFail: true } : null;
  const carrying = new Set(canaries.map(({ file }) => file));
  const files = testFilesOf(observed.run);
  // A file that the base had and could not prove stays as it was; a new one that carried nothing is learned.
  if (Object.keys(files).some((file) => canCarry(file) && !carrying.has(file) && !(file in base.files)))
    return null;
  return {
    ...{ ...base, ...ended, sessions: Math.max(1, observed.run.sessions.length) },
    ...{ outcomes: outcomesOf(observed.run), files },
    carriers: carriersOf(observed.run, canaried.run, canaries),
  };
}

/** Whether what was put over the candidate is what it has itself. */
async function isItsOwn(candidate: Prepared, plan: HarnessPlan): Promise<boolean> {
  for (const path of plan.remove) if ((await readEntry(candidate.checkout, path)) !== null) return false;
  for (const { path, entry } of plan.write) {
    const own = await readEntry(candidate.checkout, path);
    if (own === null || own.kind !== entry.kind) return false;
    if (own.kind === 'file' && entry.kind === 'file' && !Buffer.from(own.bytes).equals(entry.bytes))
      return false;
    if (own.kind === 'link' && entry.kind === 'link' && own.target !== entry.target) return false;
  }
  return true;
}
