import { sendsBack } from '../artifacts.ts';
import type { GateAction, ParkCause, RunEnd } from '../entries/index.ts';
import type { AttemptId, Digest, GateId, GitSha, Instant, PatchId, TaskId } from '../ids.ts';
import type { Role } from '../spec.ts';
import {
  allows,
  type Gate,
  gateOf,
  goesUnreviewed,
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
 *  1. No stage opens without its inputs: plan ← ticket or a task that was too large, implement ← plan (and its dependencies integrated), test ← plan (its checks are
 *     written) or a tree, review ← a change whose tree was tested and not sent back, deploy ← a merge.
 *  2. No merge without, for exactly this change: an approving review of its patch or that it goes without (which the gate is told), a test of its tree that did not send it back, an
 *     allowing gate, which is told what the test's verdict was.
 *  3. No deploy without an allowing gate on exactly this release, and no such gate before its undo was rehearsed.
 *  4. Every wait has an end: an instant after which the run closes, or a person, who is reminded, ends it. What was made is kept.
 *  5. What is merged, and what is released, is attested before the run closes.
 *  6. Rework, attempts and how often tasks are split are bounded by the run's limits. A base that moves bounds nothing: it is nobody's fault.
 *  7. From `merge.started` on nothing but the merge's own outcome ends the run.
 *  8. What is merged to be deployed, and is not promoted, is taken back before the run closes.
 */
export type Todo =
  | { do: 'ask-gate'; action: GateAction; subject: Digest }
  | { do: 'judge-gate'; gate: GateId }
  | { do: 'expire-gate'; gate: GateId }
  | { do: 'open-stage'; role: Role; task: TaskId | null }
  | { do: 'await-stage'; attempt: AttemptId }
  | { do: 'take'; role: Role; task: TaskId | null; attempt: AttemptId; artifact: Digest }
  | { do: 'ask-stuck'; task: TaskId | null; failure: Digest }
  | { do: 'integrate'; task: TaskId | null }
  | { do: 'compose' }
  | { do: 'line-up' }
  | { do: 'merge'; gate: GateId }
  | { do: 'rehearse' }
  | { do: 'attest'; of: 'change' | 'release' }
  | { do: 'deploy'; gate: GateId }
  | { do: 'revert' }
  | { do: 'wait'; for: 'gate' | 'answer' | 'retry' | 'person'; until: Instant }
  | { do: 'park'; cause: ParkCause; reason: string }
  | { do: 'remind' }
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
  const delivered = run.merge?.kind === 'finished' && !ships(run);
  if (delivered) return end(run, 'done', deliveredAs(run));
  if (run.stopAsked !== null) return end(run, run.stopAsked.end, run.stopAsked.reason);
  if (run.parked !== null) return parked(run, run.parked, now);
  const next = steps(run, now);
  // A gate's time ends with the run's at the latest, and then a person is waited for.
  const waits = next.every((step) => step.do === 'expire-gate' || step.do === 'park');
  if (now >= run.expiresAt && !waits)
    return end(run, 'failed', 'the run did not end in the time it was given');
  return next.map((step) => (step.do === 'open-stage' ? notBefore(run, step, now) : step));
}

/** Stages that are at work come to their end, or wait on for their budget; nothing more is begun. */
function parked(run: Run, { remindAt }: NonNullable<Run['parked']>, now: Instant): Step {
  const open = run.stages.filter((stage) => stage.outcome === null);
  return [
    ...open.map((stage): Todo => ({ do: 'await-stage', attempt: stage.attempt })),
    now >= remindAt ? { do: 'remind' } : { do: 'wait', for: 'person', until: remindAt },
  ];
}

/** A release is made of its merge. */
const ships = (run: Run): boolean =>
  run.deploys && run.merge?.kind === 'finished' && run.merge.delivered === 'merge';

const deliveredAs = (run: Run): string =>
  run.merge?.kind === 'finished' && run.merge.delivered === 'branch'
    ? `delivered as branch ${run.merge.ref}`
    : 'merged';

/** A stage whose last failure asked for a pause is opened after it. */
function notBefore(run: Run, step: Extract<Todo, { do: 'open-stage' }>, now: Instant): Todo {
  const last = run.stages.findLast((one) => one.role === step.role && one.task === step.task);
  const until = last?.outcome?.kind === 'failed' ? (last.outcome.retryAt ?? now) : now;
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

/**
 * Ends a run: first every stage still open is cancelled, so that a closed run has no attempt at work. What was merged and does not come to
 * serve is taken back: nobody's next release carries it.
 */
function end(run: Run, how: RunEnd, reason: string): Step {
  const open = run.stages.filter((stage) => stage.outcome === null);
  if (open.length > 0) return open.map((stage) => ({ do: 'cancel-stage', attempt: stage.attempt }));
  const serves = run.deploy?.kind === 'finished' && run.deploy.result === 'promoted';
  if (ships(run) && !serves && run.lost === null && run.revert === null) return [{ do: 'revert' }];
  return [{ do: 'close', end: how, reason: `${reason}${takenBack(run)}` }];
}

const takenBack = (run: Run): string =>
  run.revert?.kind !== 'finished' || run.deploy !== null
    ? ''
    : run.revert.ref.startsWith('rel_')
      ? `; it serves as part of ${run.revert.ref}`
      : run.revert.commit === null
        ? '; its merge was not reverted, and no release carries it: a person does that'
        : '; its merge was reverted';

function steps(run: Run, now: Instant): Step {
  return (
    gate(run, 'start', run.ticketDigest, now) ??
    planning(run, now) ??
    building(run, now) ??
    composing(run) ??
    judging(run) ??
    merging(run, now) ??
    deploying(run, now) ??
    end(run, 'done', deliveredAs(run))
  );
}

/** Null once the gate allows. */
function gate(run: Run, action: GateAction, subject: Digest, now: Instant): Step | null {
  const found = gateOf(run, action, subject);
  if (!found) return [{ do: 'ask-gate', action, subject }];
  if (allows(found)) return null;
  if (found.ended === 'expired') return park('gate', `nobody decided the ${action} gate in time`);
  if (found.decision === 'deny')
    return isSpent(found)
      ? park('budget', found.reason)
      : end(run, 'denied', `${action} denied: ${found.reason}`);
  return undecided(found, now);
}

const park = (cause: ParkCause, reason: string): Step => [
  { do: 'park', cause, reason: reason.slice(0, 4_000) },
];

/** The budget is spent, which a person mends without another change. */
const isSpent = (gate: Gate): boolean =>
  gate.deniedBy === null && gate.policies.length > 0 && gate.policies.every((one) => one === 'start-budget');

function undecided(found: Gate, now: Instant): Step {
  if (now >= found.expiresAt) return [{ do: 'expire-gate', gate: found.gate }];
  if (found.decision === null || found.needsJudgement) return [{ do: 'judge-gate', gate: found.gate }];
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
  if (last === undefined || last.accepted) return [{ do: 'open-stage', role, task }];
  if (last.outcome === null) return [{ do: 'await-stage', attempt: last.attempt }];
  if (last.outcome.kind === 'done')
    return [{ do: 'take', role, task, attempt: last.attempt, artifact: last.outcome.artifact }];
  const why = notDone(last, last.outcome);
  if (last.outcome.kind === 'failed' && last.outcome.retryable && failuresInARow(all) < run.limits.attempts) {
    return [{ do: 'open-stage', role, task }];
  }
  if (last.outcome.kind === 'failed' && last.outcome.code === 'budget') return park('budget', why);
  return end(run, 'failed', why);
}

const notDone = ({ role, task }: Stage, { reason }: { reason: string }): string =>
  `${role}${task === null ? '' : ` of ${task}`}: ${reason}`;

const failuresInARow = (all: Stage[]): number => {
  const lastGood = all.findLastIndex((one) => one.outcome?.kind === 'done' || one.accepted);
  return all.length - 1 - lastGood;
};

/** Tasks side by side as far as their dependencies allow; integrated one after the other in the plan's order. */
function building(run: Run, now: Instant): Step | null {
  const open = run.tasks.filter((work) => !work.integrated);
  if (open.length === 0) {
    if (!run.integration.pending && (run.integration.made === null || run.integration.integrated))
      return null;
    return together(run, [...checking(run), ...reworking(run, now)]);
  }
  const ready = open.filter((work) =>
    work.dependsOn.every((id) => run.tasks.some((other) => other.task === id && other.integrated)),
  );
  const next = open[0];
  return together(run, [
    ...ready.flatMap((work) => working(run, work, work === next, now)),
    ...checking(run),
  ]);
}

/** The tester writes its checks beside the implementers, from ticket and plan. */
const checking = (run: Run): Step => (run.checks === null ? stage(run, 'test', null) : []);

/** One that cannot go on ends the run, which says why, and not what was cancelled with it; a mere wait of one hides no steps of another. */
function together(run: Run, due: Step): Step {
  const cancelling = due.filter((step) => step.do === 'cancel-stage');
  if (cancelling.length > 0) return cancelling;
  const cancelled = new Set(
    run.stages.flatMap((one) => (one.outcome?.kind === 'cancelled' ? [notDone(one, one.outcome)] : [])),
  );
  const closing = due.filter((step) => step.do === 'close');
  const ending = closing.find(({ reason }) => !cancelled.has(reason)) ?? closing[0];
  if (ending !== undefined) return [ending];
  const parking = due.find((step) => step.do === 'park');
  if (!parking) return due;
  // What is at work elsewhere comes to its end first.
  const rest = due.filter((step) => step.do !== 'park' && step.do !== 'open-stage');
  return rest.length > 0 ? rest : [parking];
}

function reworking(run: Run, now: Instant): Step {
  return run.integration.pending
    ? working(run, run.integration, true, now)
    : [{ do: 'integrate', task: null }];
}

function working(run: Run, work: Work, next: boolean, now: Instant): Step {
  if (work.unfinished !== null) return splitting(run, work);
  if (work.blocked !== null) return answering(run, work.blocked, now);
  if (work.blocks > run.limits.reworks)
    return end(run, 'failed', `${work.task ?? 'the run as a whole'}: its implementer keeps asking`);
  if (work.pending) {
    if (work.reworks > run.limits.reworks)
      return end(
        run,
        'failed',
        `${work.task ?? 'the run as a whole'} was sent back ${work.reworks} times: ${sentBackFor(work)}`,
      );
    const failure = sameFailure(work);
    return failure === null
      ? stage(run, 'implement', work.task)
      : [{ do: 'ask-stuck', task: work.task, failure }];
  }
  if (work.made === null) return stage(run, 'implement', work.task);
  // A task that is alone is the whole change, which is tested and reviewed as such.
  if (run.tasks.length > 1) {
    const judged = tests(run, work.task, work.made.tree) ?? reviews(run, work.task, work.made.patchId);
    if (judged !== null) return judged;
  }
  return next ? [{ do: 'integrate', task: work.task }] : [];
}

/** The planner makes tasks of what is open. */
const splitting = (run: Run, { task }: Work): Step =>
  run.splits >= run.limits.reworks
    ? end(run, 'failed', `${task} is too large for one attempt, and ${run.splits} tasks were split already`)
    : stage(run, 'plan', task);

/** Cheap tests run before a review is paid. Null once there is a verdict that sends nothing back. */
function tests(run: Run, task: TaskId | null, tree: GitSha): Step | null {
  const tested = testOf(run, task, tree);
  return tested === undefined || sendsBack(tested.verdict) ? stage(run, 'test', task) : null;
}

/** Null once it is approved. */
const reviews = (run: Run, task: TaskId | null, patchId: PatchId): Step | null =>
  reviewOf(run, patchId)?.verdict === 'approve' ? null : stage(run, 'review', task);

/** What failed again just as before, since when nobody has said what should be different. */
function sameFailure({ feedback }: Work): Digest | null {
  const last = feedback.at(-1);
  if (last?.kind !== 'tests' || last.failure === null) return null;
  const before = feedback.slice(0, -1).some((one) => one.kind === 'tests' && one.failure === last.failure);
  return before ? last.failure : null;
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
    case 'unfinished':
      return 'it was too large for each attempt';
    case undefined:
      return 'no reason was kept';
  }
};

function composing(run: Run): Step | null {
  return run.change === null ? [{ do: 'compose' }] : null;
}

/**
 * Review binds to the patch, test binds to the tree. Tested as it is and then reviewed, it is lined up; where that gave it another tree, it
 * is tested again as it is to be merged.
 */
function judging(run: Run): Step | null {
  const { change, checks } = run;
  if (change === null) return [{ do: 'compose' }];
  if (checks === null) return checking(run);
  const review = goesUnreviewed(run) ? null : reviews(run, null, change.patchId);
  if (review !== null) return tests(run, null, change.tree) ?? review;
  // What is merged has left the queue.
  if (run.queue === null && run.merge === null) return [{ do: 'line-up' }];
  return tests(run, null, change.tree);
}

function merging(run: Run, now: Instant): Step | null {
  if (run.merge?.kind === 'finished') return null;
  if (run.merge?.kind === 'refused') return end(run, 'failed', `the merge was refused: ${run.merge.reason}`);
  if (run.change === null) return [{ do: 'compose' }];
  return gate(run, 'merge', run.change.subject, now) ?? [{ do: 'merge', gate: gateFor(run, 'merge') }];
}

function deploying(run: Run, now: Instant): Step | null {
  if (!ships(run)) return null;
  if (run.lost !== null) return end(run, 'failed', run.lost);
  if (run.release === null) return stage(run, 'deploy', null);
  if (sendsBack(run.release.verdict)) return end(run, 'failed', 'the release did not pass its tests');
  if (run.rehearsal === null) return [{ do: 'rehearse' }];
  const judged = gate(run, 'deploy', run.release.artifact, now);
  if (judged !== null) return judged;
  if (run.revert !== null) return end(run, 'failed', 'its merge is not on the branch any more');
  return [{ do: 'deploy', gate: gateFor(run, 'deploy') }];
}

function afterDeploy(run: Run, deploy: Extract<Run['deploy'], { kind: 'finished' }>): Step {
  if (deploy.result === 'promoted') return end(run, 'done', 'merged and promoted');
  if (run.revert?.kind !== 'finished') return [{ do: 'revert' }];
  // Who cancelled it wants no other try: the ticket is closed, not opened again.
  return run.stopAsked?.end === 'cancelled'
    ? end(run, 'cancelled', run.stopAsked.reason)
    : end(run, 'rolled_back', deploy.evidence);
}
