import { sendsBack } from '../artifacts.ts';
import type { GateAction, RunEnd } from '../entries.ts';
import type { AttemptId, Digest, GateId, Instant, TaskId } from '../ids.ts';
import type { Role } from '../spec.ts';
import {
  allows,
  type Gate,
  gateOf,
  type Question,
  type Run,
  type RunState,
  reviewOf,
  type Stage,
  testOf,
  type Work,
} from './state.ts';

/**
 * What has to be done for a run now. Pure, and the only place that knows the order of a run's steps: the orchestrator does what is
 * listed, and `decide` accepts only the results of what is listed. Invariants kept here, and shown by the property test:
 *
 *  1. No stage opens without its inputs: plan ← ticket, implement ← plan (and its dependencies integrated), review ← a change,
 *     test ← an integrated and reviewed tree, deploy ← a merge.
 *  2. No merge without, for exactly this change: an approving review of its patch, a test of its tree that did not send it back, an
 *     allowing gate, which is told what the test's verdict was.
 *  3. No deploy without an allowing gate on exactly this release, and no such gate before its undo was rehearsed.
 *  4. Every wait has an end: an instant after which the run closes.
 *  5. What is merged, and what is released, is attested before the run closes.
 *  6. Rework, attempts and rebases are bounded by the run's limits.
 */
export type Todo =
  | { do: 'ask-gate'; action: GateAction; subject: Digest }
  | { do: 'judge-gate'; gate: GateId }
  | { do: 'expire-gate'; gate: GateId }
  | { do: 'open-stage'; role: Role; task: TaskId | null }
  | { do: 'await-stage'; attempt: AttemptId }
  | { do: 'take'; role: Role; task: TaskId | null; attempt: AttemptId; artifact: Digest }
  | { do: 'integrate'; task: TaskId | null }
  | { do: 'compose' }
  | { do: 'merge'; gate: GateId }
  | { do: 'rehearse' }
  | { do: 'attest'; of: 'change' | 'release' }
  | { do: 'deploy'; gate: GateId }
  | { do: 'revert' }
  | { do: 'wait'; for: 'gate' | 'answer' | 'retry'; until: Instant }
  | { do: 'cancel-stage'; attempt: AttemptId }
  | { do: 'close'; end: RunEnd; reason: string };

type Step = Todo[];

export function todo(state: RunState, now: Instant): Todo[] {
  if (state.kind === 'none' || state.closed) return [];
  const run = state;
  // From its first outside effect on, a run goes forward or back to a recorded end; it is not dropped half-way.
  if (run.deploy?.kind === 'started') return [{ do: 'deploy', gate: gateFor(run, 'deploy') }];
  if (run.revert?.kind === 'started') return [{ do: 'revert' }];
  if (run.merge?.kind === 'started') return [{ do: 'merge', gate: run.merge.gate }];
  return attested(run, onward(run, now));
}

function onward(run: Run, now: Instant): Step {
  if (run.deploy?.kind === 'finished') return afterDeploy(run, run.deploy);
  if (run.stopAsked !== null) return end(run, run.stopAsked.end, run.stopAsked.reason);
  if (now >= run.expiresAt) return end(run, 'failed', 'the run did not end in the time it was given');
  return steps(run, now).map((step) => (step.do === 'open-stage' ? notBefore(run, step, now) : step));
}

/** A stage whose last failure asked for a pause is opened after it. */
function notBefore(run: Run, step: Extract<Todo, { do: 'open-stage' }>, now: Instant): Todo {
  const last = run.stages.findLast((one) => one.role === step.role && one.task === step.task);
  const until = last?.outcome?.kind === 'failed' && !last.taken ? (last.outcome.retryAt ?? now) : now;
  return until > now ? { do: 'wait', for: 'retry', until: Math.min(until, run.expiresAt) } : step;
}

/** A change is attested before anything is made of it, a release once its deploy is over. Going back waits for neither. */
function attested(run: Run, next: Step): Step {
  if (next.some((step) => step.do === 'revert')) return next;
  if (run.merge?.kind === 'finished' && !run.attested.change) return [{ do: 'attest', of: 'change' }];
  const over = run.deploy?.kind === 'finished' || next.some((step) => step.do === 'close');
  return run.release !== null && !run.attested.release && over ? [{ do: 'attest', of: 'release' }] : next;
}

const gateFor = (run: Run, action: GateAction): GateId =>
  run.gates.findLast((gate) => gate.action === action)?.gate ?? ('' as GateId);

/** Ends a run: first every stage still open is cancelled, so that a closed run has no attempt at work. */
function end(run: Run, how: RunEnd, reason: string): Step {
  const open = run.stages.filter((stage) => stage.outcome === null);
  return open.length > 0
    ? open.map((stage) => ({ do: 'cancel-stage', attempt: stage.attempt }))
    : [{ do: 'close', end: how, reason }];
}

function steps(run: Run, now: Instant): Step {
  return (
    gate(run, 'start', run.ticketDigest, now) ??
    planning(run, now) ??
    building(run, now) ??
    composing(run) ??
    judging(run) ??
    merging(run, now) ??
    deploying(run, now) ??
    end(
      run,
      'done',
      run.merge?.kind === 'finished' && run.merge.delivered === 'branch'
        ? `delivered as branch ${run.merge.ref}`
        : 'merged',
    )
  );
}

/** Null once the gate allows. */
function gate(run: Run, action: GateAction, subject: Digest, now: Instant): Step | null {
  const found = gateOf(run, action, subject);
  if (!found) return [{ do: 'ask-gate', action, subject }];
  if (allows(found)) return null;
  if (found.ended === 'expired') return end(run, 'denied', `nobody decided the ${action} gate in time`);
  if (found.decision === 'deny') return end(run, 'denied', `${action} denied: ${found.reason}`);
  return undecided(found, now);
}

function undecided(found: Gate, now: Instant): Step {
  if (now >= found.expiresAt) return [{ do: 'expire-gate', gate: found.gate }];
  if (found.decision === null || found.stale) return [{ do: 'judge-gate', gate: found.gate }];
  return [{ do: 'wait', for: 'gate', until: found.expiresAt }];
}

function planning(run: Run, now: Instant): Step | null {
  if (run.plan !== null) return null;
  if (run.question !== null) return answering(run, run.question, now);
  if (run.answers.length > run.limits.reworks) return end(run, 'failed', 'the planner keeps asking');
  return stage(run, 'plan', null);
}

function answering(run: Run, { expiresAt }: Question, now: Instant): Step {
  return now >= expiresAt
    ? end(run, 'failed', 'the question to the author was not answered in time')
    : [{ do: 'wait', for: 'answer', until: expiresAt }];
}

/** The newest stage of a role and task, followed to its end: opened, awaited, its result taken, or tried again within bounds. */
function stage(run: Run, role: Role, task: TaskId | null): Step {
  const all = run.stages.filter((one) => one.role === role && one.task === task);
  const last = all.at(-1);
  if (last === undefined || last.taken) return [{ do: 'open-stage', role, task }];
  if (last.outcome === null) return [{ do: 'await-stage', attempt: last.attempt }];
  if (last.outcome.kind === 'done')
    return [{ do: 'take', role, task, attempt: last.attempt, artifact: last.outcome.artifact }];
  const why = `${role}${task === null ? '' : ` of ${task}`}: ${last.outcome.reason}`;
  if (last.outcome.kind === 'failed' && last.outcome.retryable && failuresInARow(all) < run.limits.attempts) {
    return [{ do: 'open-stage', role, task }];
  }
  return end(run, 'failed', why);
}

const failuresInARow = (all: Stage[]): number => {
  const lastGood = all.findLastIndex((one) => one.outcome?.kind === 'done' || one.taken);
  return all.length - 1 - lastGood;
};

/** Tasks side by side as far as their dependencies allow; integrated one after the other in the plan's order. */
function building(run: Run, now: Instant): Step | null {
  const open = run.tasks.filter((work) => !work.integrated);
  if (open.length === 0)
    return run.whole.wanted || (run.whole.made !== null && !run.whole.integrated)
      ? reworking(run, now)
      : null;
  const ready = open.filter((work) =>
    work.dependsOn.every((id) => run.tasks.some((other) => other.task === id && other.integrated)),
  );
  const next = open[0];
  const all = ready.map((work) => working(run, work, work === next, now));
  // One task that cannot go on ends the run; a mere wait of one never hides the steps of another.
  const ending = all.flat().find((step) => step.do === 'close' || step.do === 'cancel-stage');
  return ending ? all.flat().filter((step) => step.do === ending.do) : all.flat();
}

function reworking(run: Run, now: Instant): Step {
  return run.whole.wanted ? working(run, run.whole, true, now) : [{ do: 'integrate', task: null }];
}

function working(run: Run, work: Work, next: boolean, now: Instant): Step {
  if (work.blocked !== null) return answering(run, work.blocked, now);
  if (work.blocks > run.limits.reworks)
    return end(run, 'failed', `${work.task ?? 'the run as a whole'}: its implementer keeps asking`);
  if (work.wanted) {
    return work.reworks > run.limits.reworks
      ? end(
          run,
          'failed',
          `${work.task ?? 'the run as a whole'} was sent back ${work.reworks} times: ${sentBackFor(work)}`,
        )
      : stage(run, 'implement', work.task);
  }
  if (work.made === null) return stage(run, 'implement', work.task);
  const review = reviewOf(run, work.made.patchId);
  if (review?.verdict !== 'approve') return stage(run, 'review', work.task);
  return next ? [{ do: 'integrate', task: work.task }] : [];
}

const sentBackFor = (work: Work): string => {
  const last = work.feedback.at(-1);
  switch (last?.kind) {
    case 'review':
      return 'the review still wants changes';
    case 'tests':
      return 'the tests still fail';
    case 'conflict':
      return `it still conflicts in ${last.paths.join(', ')}`;
    case 'refused':
      return last.message;
    case 'answer':
      return 'it could not go on with what it was answered';
    case undefined:
      return 'no reason was kept';
  }
};

function composing(run: Run): Step | null {
  return run.change === null ? [{ do: 'compose' }] : null;
}

/** Review binds to the patch, test binds to the tree. */
function judging(run: Run): Step | null {
  if (run.change === null) return [{ do: 'compose' }];
  if (reviewOf(run, run.change.patchId)?.verdict !== 'approve') return stage(run, 'review', null);
  const tested = testOf(run, run.change.tree);
  if (tested === undefined || sendsBack(tested.verdict)) return stage(run, 'test', null);
  return null;
}

function merging(run: Run, now: Instant): Step | null {
  if (run.merge?.kind === 'finished') return null;
  if (run.merge?.kind === 'refused') return end(run, 'failed', `the merge was refused: ${run.merge.reason}`);
  if (run.rebases > run.limits.rebases) return end(run, 'failed', 'the base moved too often');
  if (run.change === null) return [{ do: 'compose' }];
  return gate(run, 'merge', run.change.subject, now) ?? [{ do: 'merge', gate: gateFor(run, 'merge') }];
}

function deploying(run: Run, now: Instant): Step | null {
  if (!run.deploys || run.merge?.kind !== 'finished' || run.merge.delivered === 'branch') return null;
  if (run.revert?.kind === 'finished')
    return end(run, 'failed', 'the release did not pass its tests; its merge was reverted');
  if (run.release === null) return stage(run, 'deploy', null);
  if (sendsBack(run.release.verdict)) return [{ do: 'revert' }];
  if (run.rehearsal === null) return [{ do: 'rehearse' }];
  return gate(run, 'deploy', run.release.artifact, now) ?? [{ do: 'deploy', gate: gateFor(run, 'deploy') }];
}

function afterDeploy(run: Run, deploy: Extract<Run['deploy'], { kind: 'finished' }>): Step {
  if (deploy.result === 'promoted') return end(run, 'done', 'merged and promoted');
  if (run.revert?.kind === 'finished') return end(run, 'rolled_back', deploy.evidence);
  return [{ do: 'revert' }];
}
