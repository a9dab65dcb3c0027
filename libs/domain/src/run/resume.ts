import type { EntryOf } from '../entries/index.ts';
import { allows, type Run, type Work } from './state.ts';

/** Why a person cannot let this run go on, or null. What was rolled back needs other work, not the same again. */
export function notResumable(run: Run): string | null {
  if (run.stopAsked !== null && run.closed === null) return 'the run is asked to stop';
  if (run.parked !== null) return null;
  if (run.closed === null) return 'the run goes on by itself';
  if (run.closed.end === 'done') return 'the run is done';
  return run.closed.end === 'rolled_back'
    ? 'its release was rolled back: its ticket is open again, and takes an answer'
    : null;
}

/**
 * Goes on from where the run was: what was planned, made, reviewed, tested and merged stays. What failed is tried again, with its bounds
 * anew; gates that did not allow are asked anew. A merge that was taken back, or that somebody took off the branch, is made again.
 */
export function resume(run: Run, { expiresAt }: EntryOf<'run.resumed'>['data']): Run {
  const unmerged =
    run.lost !== null ||
    run.merge?.kind === 'refused' ||
    (run.revert?.kind === 'finished' && run.revert.commit !== null);
  const fresh = (work: Work): Work => ({
    ...work,
    reworks: 0,
    blocked: work.blocked && { ...work.blocked, expiresAt },
  });
  const resumed: Run = {
    ...run,
    closed: null,
    parked: null,
    stopAsked: null,
    expiresAt,
    gates: run.gates.map((gate) => (allows(gate) ? gate : { ...gate, ended: 'voided' })),
    stages: run.stages.map((stage) =>
      stage.outcome === null || stage.outcome.kind === 'done' ? stage : { ...stage, accepted: true },
    ),
    question: run.question && { ...run.question, expiresAt },
    tasks: run.tasks.map(fresh),
    splits: 0,
    integration: fresh(run.integration),
    revert: null,
    queue: null,
  };
  return unmerged
    ? {
        ...resumed,
        merge: null,
        lost: null,
        rebuiltFrom: null,
        release: null,
        rehearsal: null,
        attested: { change: false, release: false },
      }
    : resumed;
}
