import { accept, type Decision, type Rejected, reject as refuse } from '../decider.ts';
import type { EntryOf, GateAction } from '../entries/index.ts';
import type { RunEntry as OfRun } from '../entries/run.ts';
import type { Instant } from '../ids.ts';
import { evolve } from './evolve.ts';
import { notResumable } from './resume.ts';
import { questionOf, type Run, type RunState, workOf } from './state.ts';
import { type Todo, todo } from './todo.ts';

// decide(command, state) → entries. Pure. A command is the result of something `todo` listed, or a person's act. The entry says what
// is to be recorded; `decide` says whether it may be, now, on this state.

/** The entries that a run's stream may hold, besides the one that opens it. */
export type RunEntry = Exclude<OfRun, EntryOf<'run.opened'>>;

export type Command = { record: OfRun; at: Instant };

const reject = (reason: string): Rejected => refuse('not-due', reason);

export function decide(command: Command, state: RunState): Decision {
  const { record, at } = command;
  if (state.kind === 'none')
    return record.type === 'run.opened' ? accept(record) : reject('there is no such run');
  if (record.type === 'run.opened') return reject('the run exists');
  if (state.closed && record.type !== 'run.resumed') return reject(`the run is closed (${state.closed.end})`);
  const why = refusal(state, record, at);
  return why === null ? accept(record) : reject(why);
}

const ENDED = {
  expired: 'the gate has expired',
  voided: 'what the gate was about has changed, and it is asked anew',
} as const;

/** Why a gate takes nobody's answer. */
const ANSWERED = {
  allow: 'the gate has allowed it already',
  deny: 'the gate was denied, and a deny stands',
  undecided: 'the gate is being judged; try again',
} as const;

/** Why `record` may not be appended to this run now, or null. */
function refusal(run: Run, record: RunEntry, at: Instant): string | null {
  const due = todo(run, at);
  const has = <D extends Todo['do']>(
    what: D,
    fits: (step: Extract<Todo, { do: D }>) => boolean = () => true,
  ): boolean => due.some((step) => step.do === what && fits(step as Extract<Todo, { do: D }>));
  const unless = (ok: boolean, why: string): string | null => (ok ? null : why);
  const gateOf = (id: string) => run.gates.find((gate) => gate.gate === id);
  const takes = (role: string, task: string | null) =>
    has('take', (step) => step.role === role && step.task === task);

  switch (record.type) {
    case 'gate.asked':
      return unless(
        has('ask-gate', (step) => step.action === record.data.action && step.subject === record.data.subject),
        'this gate is not due',
      );
    case 'gate.decided':
      return unless(
        has('judge-gate', (step) => step.gate === record.data.gate),
        'this gate is not to be judged now',
      );
    case 'gate.expired':
      return unless(
        has('expire-gate', (step) => step.gate === record.data.gate),
        'this gate has not expired',
      );
    case 'gate.approved': {
      const gate = gateOf(record.data.gate);
      if (!gate) return 'there is no such gate';
      if (gate.ended !== null || at >= gate.expiresAt) return ENDED[gate.ended ?? 'expired'];
      if (gate.decision !== 'needs_approval') return ANSWERED[gate.decision ?? 'undecided'];
      if (gate.needsJudgement) return 'an approval is being judged; try again';
      if (gate.subject !== record.data.subject) return 'the approval is for another digest';
      if ((run.author as string) === record.data.person) return 'the requester cannot approve';
      return unless(!gate.approvals.includes(record.data.person), 'this person has approved already');
    }
    case 'gate.denied': {
      const gate = gateOf(record.data.gate);
      if (!gate) return 'there is no such gate';
      if (gate.ended !== null) return ENDED[gate.ended];
      return gate.decision === 'needs_approval' ? null : ANSWERED[gate.decision ?? 'undecided'];
    }
    case 'gate.voided': {
      const gate = gateOf(record.data.gate);
      return unless(
        gate !== undefined && gate.ended === null && !used(run, gate.action),
        'the gate was used already',
      );
    }
    case 'stage.opened':
      return unless(
        has('open-stage', (step) => step.role === record.data.role && step.task === record.data.task),
        `${record.data.role} is not due`,
      );
    case 'stage.closed':
      return unless(
        run.stages.some((stage) => stage.attempt === record.data.attempt && stage.outcome === null),
        'no such stage is open',
      );
    case 'run.steered':
      return unless(
        run.stages.some((stage) => stage.attempt === record.data.attempt && stage.outcome === null),
        'its agent is not at work any more',
      );
    case 'plan.accepted':
      return takes('plan', null) ? planRefusal(run, record.data.tasks) : 'no plan is to be taken';
    case 'plan.revised':
      return takes('plan', record.data.task) ? revisedRefusal(run, record) : 'no plan is to be taken';
    case 'question.asked':
      return unless(takes('plan', null), 'no plan is to be taken');
    case 'question.answered':
      return unless(questionOf(run) !== null, 'no question is open');
    case 'task.changed':
    case 'task.blocked':
    case 'task.unfinished':
      return unless(takes('implement', record.data.task), 'no change is to be taken');
    case 'task.reviewed':
      return unless(
        takes('review', record.data.task) && reviewed(run, record) === record.data.patchId,
        'no review of this patch is to be taken',
      );
    case 'task.integrated':
    case 'task.conflicted':
      return unless(
        has('integrate', (step) => step.task === record.data.task),
        'this task is not to be integrated now',
      );
    case 'change.composed':
      return unless(
        has('compose') && record.data.tree === run.head.tree && record.data.base === run.base.commit,
        "the change is not the run's tree on its base",
      );
    case 'task.stuck':
      return unless(
        has('ask-stuck', (step) => step.task === record.data.task && step.failure === record.data.failure),
        'this task has not failed for the same twice',
      );
    case 'checks.skipped':
      return unless(
        has('open-stage', (step) => step.role === 'test' && step.task === null) && run.checks === null,
        'no checks are due',
      );
    case 'review.skipped':
      return unless(
        has('open-stage', (step) => step.role === 'review' && step.task === null) &&
          run.change?.tree === record.data.tree &&
          run.change.patchId === record.data.patchId,
        'no review of this change is due',
      );
    case 'checks.written':
      return unless(takes('test', null) && run.checks === null, 'no checks are to be taken');
    case 'checks.disputed': {
      const { checks, by, patchId, change } = record.data;
      const mayBe = run.checks === checks && mayDispute(run, by) && run.change?.patchId === patchId;
      return unless(
        takes(by, null) && mayBe && (by === 'review' || !change),
        'nothing can be held against checks now',
      );
    }
    case 'change.tested': {
      const { task, tree } = record.data;
      const whole = task === null && run.checks !== null && run.change?.tree === tree;
      const part = task !== null && workOf(run, task)?.made?.tree === tree;
      return unless(takes('test', task) && (whole || part), 'no test of this tree is to be taken');
    }
    case 'merge.started':
      return unless(
        has('merge', (step) => step.gate === record.data.gate) &&
          run.merge === null &&
          run.change?.subject === record.data.subject &&
          run.change.commit === record.data.commit,
        'nothing allows this merge',
      );
    case 'change.queued':
      return unless(has('line-up'), 'no place in the merge queue is to be taken');
    case 'base.moved':
      return unless(
        run.merge?.kind === 'started' || (run.merge === null && beforeMerge(due, run)),
        'the change does not move now',
      );
    case 'merge.finished':
    case 'merge.refused':
      return unless(run.merge?.kind === 'started', 'no merge is under way');
    case 'merge.lost':
      return unless(
        run.merge?.kind === 'finished' &&
          run.merge.commit === record.data.commit &&
          run.lost === null &&
          run.deploy === null &&
          run.revert === null,
        'nothing was merged that could be lost',
      );
    case 'change.attested':
      return unless(
        has('attest', (step) => step.of === 'change') &&
          run.merge?.kind === 'finished' &&
          run.merge.commit === record.data.commit,
        'no attestation of this change is due',
      );
    case 'release.attested':
      return unless(
        has('attest', (step) => step.of === 'release') && run.release?.release === record.data.release,
        'no attestation of this release is due',
      );
    case 'release.built':
      return unless(takes('deploy', null), 'no release is to be taken');
    case 'release.rehearsed':
      return unless(
        has('rehearse') && run.release?.release === record.data.release,
        'no rehearsal of this release is due',
      );
    case 'release.outdated':
      return unless(
        (has('rehearse') || has('judge-gate', (step) => gateOf(step.gate)?.action === 'deploy')) &&
          run.release?.release === record.data.release &&
          (run.rebuiltFrom?.times ?? 0) < run.limits.rebases,
        'this release is not to be built anew',
      );
    case 'deploy.started':
      return unless(
        has('deploy', (step) => step.gate === record.data.gate) &&
          run.deploy === null &&
          run.release?.release === record.data.release,
        'nothing allows this deploy',
      );
    case 'deploy.finished':
      return unless(
        run.deploy?.kind === 'started' && run.release?.release === record.data.release,
        'no deploy of this release is under way',
      );
    case 'revert.started':
      return unless(has('revert') && run.revert === null, 'nothing is to be reverted');
    case 'revert.finished':
      return unless(run.revert?.kind === 'started', 'no revert is under way');
    case 'run.stop-asked':
      // Only the merge's own outcome ends a merge: what is pushed is not called failed. A person's wish waits for it.
      if (run.merge?.kind === 'started' && record.data.end === 'failed')
        return 'a merge is under way: its outcome is found out first';
      return unless(
        // A deploy under way is taken back where a person asks for that; what fails of it is tried again.
        run.stopAsked === null &&
          (run.deploy === null || (run.deploy.kind === 'started' && record.data.end === 'cancelled')),
        run.deploy !== null && run.stopAsked === null
          ? run.deploy.kind === 'finished' && run.deploy.result !== 'promoted'
            ? 'its deploy is over: it does not serve, and nothing is to be gone back from'
            : 'its deploy is over: only a rollback goes back from it'
          : 'stopping was asked already',
      );
    case 'run.parked': {
      // Of what is at work when the run's time is over, its own stream knows that it waits for a budget.
      const outOfTime = run.stopAsked === null && at >= run.expiresAt && has('cancel-stage');
      return unless(
        has('park', (step) => step.cause === record.data.cause) ||
          (record.data.cause === 'budget' && outOfTime),
        'the run has not to wait for a person',
      );
    }
    case 'run.resumed':
      return notResumable(run);
    case 'run.reminded':
      return unless(has('remind'), 'nobody is to be reminded now');
    case 'run.closed':
      return unless(
        has('close', (step) => step.end === record.data.end),
        'the run is not at its end',
      );
  }
}

/** The same checks are held against by an implementer once only; after that, and where it happens again and again, a person is asked. */
export const mayDispute = (run: Run, by: 'review' | 'implement'): boolean =>
  run.checks !== null &&
  run.checksSkipped === null &&
  run.disputes.length < run.limits.reworks &&
  !(by === 'implement' && run.disputes.some((one) => one.by === by));

/** It is reviewed, and not merged yet: while it is lined up, tested once more, judged, or its turn to merge comes. */
const beforeMerge = (due: readonly Todo[], run: Run): boolean =>
  due.some(
    (step) =>
      step.do === 'line-up' ||
      step.do === 'merge' ||
      (step.do === 'open-stage' && step.role === 'test' && run.queue !== null) ||
      (step.do === 'ask-gate' && step.action === 'merge') ||
      (step.do === 'judge-gate' && run.gates.some((one) => one.gate === step.gate && one.action === 'merge')),
  );

/** What a gate allowed has begun: from then on it can be undone, not unsaid. */
const used = (run: Run, action: GateAction): boolean =>
  action === 'start' ? run.stages.length > 0 : action === 'merge' ? run.merge !== null : run.deploy !== null;

const reviewed = (run: Run, record: EntryOf<'task.reviewed'>) =>
  record.data.task === null
    ? run.change?.patchId
    : run.tasks.find((work) => work.task === record.data.task)?.made?.patchId;

type Planned = EntryOf<'plan.accepted'>['data']['tasks'];

function planRefusal(run: Run, tasks: Planned): string | null {
  const ids = tasks.map((task) => task.id);
  if (ids.length === 0 || ids.length > run.limits.tasks) return `a plan has 1 to ${run.limits.tasks} tasks`;
  if (new Set(ids).size !== ids.length) return 'two tasks have the same id';
  // Dependencies point to earlier tasks only: whoever records the plan sorts it, and so no cycle can stand here.
  const bad = tasks.find((task, index) => task.dependsOn.some((id) => !ids.slice(0, index).includes(id)));
  return bad ? `task ${bad.id} depends on a task that does not come before it` : null;
}

/** New tasks are begun after the first of them, which goes on from what is kept. */
function revisedRefusal(run: Run, { data: { task, tasks } }: EntryOf<'plan.revised'>): string | null {
  const others = run.tasks.filter((work) => work.task !== task);
  const most = run.limits.tasks - others.length;
  if (tasks.length > most) return `a split has 1 to ${most} tasks`;
  const known = tasks.find(({ id }) => id === task || others.some((work) => work.task === id));
  if (known) return `there is a task ${known.id} already`;
  const early = tasks.slice(1).find(({ dependsOn }) => dependsOn.length === 0);
  return early ? `task ${early.id} does not wait for what is kept` : planRefusal(run, tasks);
}

/** Decides and folds in one step, for callers that go on. */
export function apply(command: Command, state: RunState): { decision: Decision; state: RunState } {
  const decision = decide(command, state);
  return { decision, state: decision.kind === 'accepted' ? decision.entries.reduce(evolve, state) : state };
}
