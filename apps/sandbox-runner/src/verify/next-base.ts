import { readCheckout } from '@millwright/sandbox';
import type { Canary } from './canary.ts';
import { canCarry } from './canary.ts';
import { type BaseFacts, filesOf, type Judgement, learnBase } from './judge.ts';
import type { Laying } from './lay.ts';
import type { Prepared, RanSuite } from './suite.ts';

// A tree that passed is, once merged, the next base; its two runs are then the two runs that a base is learned from, if nothing was
// different in them. So the suites of a change that follows need not run twice on a tree that has just been run.

export type Passed = {
  candidate: Prepared;
  laying: Laying;
  judgement: Judgement;
  observed: RanSuite;
  /** Null where names are unknown: then there are no canaries. */
  canaried: RanSuite | null;
  canaries: readonly Canary[];
};

const MAX_CONFIG = 4 * 1024 * 1024;

/**
 * What a passed candidate's runs teach of it as a base, or null where they were not what a base's runs would have been: the base's
 * configuration differed from its own, a runner could not report for want of a key, or a test file of it carried no canary.
 */
export async function factsOfPassed(passed: Passed): Promise<BaseFacts | null> {
  const { candidate, laying, judgement, observed, canaried, canaries } = passed;
  if (judgement.verdict !== 'passed' || candidate.root !== '/workspace') return null;
  if (!observed.whole || canaried?.whole === false) return null;
  if (!(await isItsOwn(candidate, laying))) return null;
  const carrying = new Set(canaries.map(({ file }) => file));
  const files = Object.keys(filesOf(observed.run));
  if (files.some((file) => canCarry(file) && !carrying.has(file))) return null;
  if (canaried === null && observed.run.sessions.length > 0) return null;
  const end = observed.run.end;
  return learnBase(observed.run, canaried?.run ?? { end, sessions: [] }, canaries);
}

/** Whether what was laid over the candidate is what it has itself. */
async function isItsOwn(candidate: Prepared, laying: Laying): Promise<boolean> {
  if (laying.remove.length > 0 || laying.append.length > 0) return false;
  for (const { path, bytes } of laying.write) {
    const own = await readCheckout(candidate.checkout, path, MAX_CONFIG);
    if (own === null || !own.equals(bytes)) return false;
  }
  return true;
}
