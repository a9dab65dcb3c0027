import type { CommitAndTree } from '../entries/index.ts';
import type { GitSha, RunId } from '../ids.ts';
import type { Run } from './state.ts';

// The merge queue of one repository, read off the runs that have a place in it. A run is tested on top of the changes of those before it, so
// that a train of good changes is tested side by side and each merges as it was tested, without another test. Invariants:
//
//  1. A run keeps its place from when it was lined up until it is merged, sent back, waits for people or ends.
//  2. A run merges only after the run that it stands on has merged as exactly that commit.
//  3. Where a run of the train leaves it, those behind it are lined up anew, in their order, before anybody newer.

/** `place`: where on the trail it was lined up first. */
export type Queued = { readonly run: Run; readonly place: number };

/** Tested side by side at once, at most: when one fails, so many are tested again. */
const TRAIN = 4;

export type Standing =
  | { readonly kind: 'first' }
  | { readonly kind: 'behind'; readonly run: RunId; readonly base: CommitAndTree }
  /** For those before it, which have to be lined up first, or for a shorter train. */
  | { readonly kind: 'wait' };

/** Its merge gate waits for people, who may take hours. Who was allowed once and moved since is waited for: the gate's own time bounds it. */
function waitsForPeople(run: Run): boolean {
  const gate = run.gates.findLast((one) => one.action === 'merge' && one.ended !== 'voided');
  if (gate === undefined || gate.subject !== run.change?.subject) return false;
  const open = gate.decision === 'needs_approval' && gate.ended === null;
  return gate.ended === 'expired' || gate.decision === 'deny' || (open && !allowedBefore(run));
}

/** People allowed this run's merge, and its base moved before it came to that. */
export const allowedBefore = (run: Run): boolean =>
  run.gates.some(
    (one) =>
      one.action === 'merge' &&
      one.decision === 'allow' &&
      one.approvals.length > 0 &&
      one.subject !== run.change?.subject,
  );

/** Has a place and goes on by itself. */
const inQueue = (run: Run): boolean =>
  run.queue !== null &&
  run.closed === null &&
  run.parked === null &&
  run.stopAsked === null &&
  run.merge?.kind !== 'finished' &&
  run.merge?.kind !== 'refused' &&
  !waitsForPeople(run);

/** Any run of the repository by its id, also one that has left the queue: how it was merged. */
export type Runs = (id: RunId) => { merge: { kind: string; commit?: GitSha } | null } | undefined;

const aheadOf = (me: Queued, queue: readonly Queued[]): Queued[] =>
  queue
    .filter(({ run, place }) => run.id !== me.run.id && place < me.place && inQueue(run))
    .sort((a, b) => a.place - b.place);

/** Whether the run may merge now as it was tested: `stale` where what it stands on will not be on the branch as it is. */
export function turnOf(me: Queued, queue: readonly Queued[], runs: Runs): 'now' | 'wait' | 'stale' {
  if (me.run.queue === null) return 'stale';
  const { behind } = me.run.queue;
  const last = aheadOf(me, queue).at(-1);
  if (last === undefined) return behind === null || mergedAs(runs(behind), me.run) ? 'now' : 'stale';
  if (behind !== last.run.id || last.run.change?.commit !== me.run.base.commit) return 'stale';
  return turnOf(last, queue, runs) === 'stale' ? 'stale' : 'wait';
}

const mergedAs = (before: ReturnType<Runs>, run: Run): boolean =>
  before?.merge?.kind === 'finished' && before.merge.commit === run.base.commit;

/** Where a run is lined up: behind the last of those before it. `place` is infinite for one that has none yet. */
export function lineUp(me: Queued, queue: readonly Queued[], runs: Runs): Standing {
  const ahead = aheadOf(me, queue);
  const last = ahead.at(-1)?.run;
  if (last === undefined) return { kind: 'first' };
  const settled = ahead.every((one) => one.run.change !== null && turnOf(one, queue, runs) !== 'stale');
  if (!settled || last.change === null || ahead.length >= TRAIN) return { kind: 'wait' };
  return { kind: 'behind', run: last.id, base: { commit: last.change.commit, tree: last.change.tree } };
}

/** The newest commit of the branch that the run stands on, through the one before it where that is merged. */
export const branchUnder = (run: Run, runs: Runs): GitSha =>
  run.queue?.behind && mergedAs(runs(run.queue.behind), run) ? run.base.commit : run.root;
