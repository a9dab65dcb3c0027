import { sendsBack } from '../artifacts.ts';
import type { CommitAndTree, Entry, EntryOf } from '../entries/index.ts';
import type { Digest, GitSha, PatchId, TaskId } from '../ids.ts';
import { resume } from './resume.ts';
import {
  addUsage,
  type FeedbackRef,
  type Gate,
  noUsage,
  type Question,
  type Run,
  type RunState,
  reviewOf,
  type Stage,
  type Work,
} from './state.ts';

// Pure, total: an entry of another stream or of a type that a run does not know changes nothing. Reads no free text.

const newWork = (task: TaskId | null, title: string, dependsOn: TaskId[], wanted: boolean): Work => ({
  task,
  title,
  dependsOn,
  base: null,
  start: null,
  made: null,
  integrated: false,
  reworks: 0,
  blocks: 0,
  blocked: null,
  unfinished: null,
  feedback: [],
  pending: wanted,
});

const withWork = (run: Run, task: TaskId | null, change: (work: Work) => Work): Run =>
  task === null
    ? { ...run, integration: change(run.integration) }
    : { ...run, tasks: run.tasks.map((work) => (work.task === task ? change(work) : work)) };

const withGate = (run: Run, gate: string, change: (gate: Gate) => Gate): Run => ({
  ...run,
  gates: run.gates.map((one) => (one.gate === gate ? change(one) : one)),
});

const withStage = (run: Run, attempt: string, change: (stage: Stage) => Stage): Run => ({
  ...run,
  stages: run.stages.map((one) => (one.attempt === attempt ? change(one) : one)),
});

/** The newest closed stage of a role and task has had its consequence drawn. */
const taken = (run: Run, role: Stage['role'], task: TaskId | null): Run => {
  const last = run.stages.findLast(
    (stage) => stage.role === role && stage.task === task && stage.outcome !== null,
  );
  return last ? withStage(run, last.attempt, (stage) => ({ ...stage, accepted: true })) : run;
};

type Reason = FeedbackRef extends infer F ? (F extends FeedbackRef ? Omit<F, 'change'> : never) : never;

/** The run's change is sent back: it gives up its place in the merge queue. */
const sendWholeBack = (run: Run, feedback: Reason, start: Work['start'], base: CommitAndTree): Run => ({
  ...run,
  queue: null,
  integration: sendBack(run.integration, feedback, start, base),
});

/**
 * A review of the whole sends the whole back, from the run's head; a task's review sends the task back, from what it made. A task that is
 * alone is measured against its base, as its first attempt was: what is wanted may be another message for the same tree.
 */
const reviewedWhole = (run: Run, review: Digest, sendsBack: boolean): Run =>
  sendsBack
    ? sendWholeBack(
        run,
        { kind: 'review', review },
        run.head.tree,
        run.tasks.length === 1 ? run.base : run.head,
      )
    : run;

/** Sends work back: its implementer owes another attempt, on top of what it made. */
const sendBack = (work: Work, feedback: Reason, start: Work['start'], base: CommitAndTree | null): Work => ({
  ...work,
  pending: true,
  reworks: work.reworks + 1,
  feedback: [...work.feedback, { ...feedback, change: work.made?.change ?? null }],
  start,
  base,
  integrated: false,
});

const conflicted = (run: Run, patchId: PatchId | undefined, paths: string[], start: GitSha): Reason => {
  const approved = patchId !== undefined && reviewOf(run, patchId)?.verdict === 'approve' ? patchId : null;
  return { kind: 'conflict', paths, start, approved };
};

const block = (work: Work, blocked: Question): Work => ({ ...work, blocks: work.blocks + 1, blocked });

/**
 * The new tasks stand where the old one stood. The first goes on from what is kept, with all that was said of it; who waited for the old one
 * waits for all of them.
 */
function split(run: Run, { plan, task, tasks }: EntryOf<'plan.revised'>['data']): Run {
  const ids = tasks.map(({ id }) => id);
  const instead = (old: Work): Work[] =>
    tasks.map(({ id, title, dependsOn }, index) => {
      const { base, start, feedback } = old;
      const fresh = newWork(id, title, index === 0 ? old.dependsOn : dependsOn, true);
      return index === 0 ? { ...fresh, base, start, feedback } : fresh;
    });
  return {
    ...run,
    plan,
    splits: run.splits + 1,
    tasks: run.tasks.flatMap((work) =>
      work.task === task
        ? instead(work)
        : [{ ...work, dependsOn: work.dependsOn.flatMap((id) => (id === task ? ids : [id])) }],
    ),
  };
}

export function evolve(state: RunState, entry: Entry): RunState {
  if (state.kind === 'none') {
    if (entry.type !== 'run.opened') return state;
    const { run, ...data } = entry.data;
    return {
      kind: 'run',
      id: run,
      ...data,
      head: data.base,
      gates: [],
      stages: [],
      plan: null,
      question: null,
      answers: [],
      tasks: [],
      splits: 0,
      integration: newWork(null, 'the run as a whole', [], false),
      reviews: [],
      checks: null,
      disputes: [],
      checksSkipped: null,
      reviewSkipped: null,
      tests: [],
      change: null,
      rebases: 0,
      queue: null,
      own: null,
      carried: null,
      root: data.base.commit,
      rewritten: false,
      merge: null,
      lost: null,
      rebuiltFrom: null,
      release: null,
      rehearsal: null,
      deploy: null,
      revert: null,
      attested: { change: false, release: false },
      stopAsked: null,
      parked: null,
      usage: noUsage(),
      closed: null,
    };
  }
  return evolveRun(state, entry);
}

function evolveRun(run: Run, entry: Entry): Run {
  switch (entry.type) {
    case 'gate.asked': {
      const { gate, action, subject, expiresAt } = entry.data;
      return {
        ...run,
        gates: [
          ...run.gates,
          {
            gate,
            action,
            subject,
            expiresAt,
            decision: null,
            approvalsNeeded: 0,
            approvals: [],
            policies: [],
            deniedBy: null,
            needsJudgement: false,
            ended: null,
            reason: '',
          },
        ],
      };
    }
    case 'gate.decided':
      return withGate(run, entry.data.gate, (gate) => ({
        ...gate,
        decision: entry.data.decision,
        approvalsNeeded: entry.data.approvals,
        policies: entry.data.policies,
        needsJudgement: false,
        reason: entry.data.reason,
      }));
    case 'gate.approved':
      return withGate(run, entry.data.gate, (gate) => ({
        ...gate,
        approvals: [...gate.approvals, entry.data.person],
        needsJudgement: true,
      }));
    case 'gate.denied':
      return withGate(run, entry.data.gate, (gate) => ({
        ...gate,
        deniedBy: entry.data.person,
        decision: 'deny',
        needsJudgement: false,
        reason: entry.data.reason,
      }));
    case 'gate.expired':
      return withGate(run, entry.data.gate, (gate) => ({ ...gate, ended: 'expired' }));
    case 'gate.voided': {
      const voided = withGate(run, entry.data.gate, (gate) => ({ ...gate, ended: 'voided' }));
      const deploys = run.gates.some((gate) => gate.gate === entry.data.gate && gate.action === 'deploy');
      // What serves has changed, most likely: undo is rehearsed to what serves now.
      return deploys ? { ...voided, rehearsal: null } : voided;
    }
    case 'stage.opened': {
      const opened: Run = {
        ...run,
        stages: [...run.stages, { ...entry.data, outcome: null, accepted: false }],
      };
      if (entry.data.role !== 'implement') return opened;
      return withWork(opened, entry.data.task, (work) => ({
        ...work,
        base: work.base ?? run.head,
        start: work.start ?? run.head.tree,
      }));
    }
    case 'stage.closed': {
      const { attempt, outcome, usage } = entry.data;
      const closed = withStage({ ...run, usage: addUsage(run.usage, usage) }, attempt, (stage) => ({
        ...stage,
        outcome,
      }));
      const stage = closed.stages.find((one) => one.attempt === attempt);
      // A change that the factory refused (a path that escapes, a device) goes back to its implementer like any other fault.
      if (stage?.role === 'implement' && outcome.kind === 'failed' && outcome.code === 'change-refused') {
        return taken(
          withWork(closed, stage.task, (work) =>
            sendBack(work, { kind: 'refused', message: outcome.reason }, work.start, work.base),
          ),
          'implement',
          stage.task,
        );
      }
      return closed;
    }
    case 'plan.accepted':
      return taken(
        {
          ...run,
          plan: entry.data.plan,
          tasks: entry.data.tasks.map((task) => newWork(task.id, task.title, task.dependsOn, true)),
        },
        'plan',
        null,
      );
    case 'plan.revised':
      return taken(split(run, entry.data), 'plan', entry.data.task);
    case 'question.asked':
      return taken(
        { ...run, question: { question: entry.data.question, expiresAt: entry.data.expiresAt } },
        'plan',
        null,
      );
    case 'question.answered': {
      const asks =
        run.question === null && [...run.tasks, run.integration].find((work) => work.blocked !== null);
      if (asks)
        return withWork(run, asks.task, (work) => ({
          ...work,
          blocked: null,
          feedback: [
            ...work.feedback,
            {
              kind: 'answer',
              question: work.blocked?.question ?? '',
              answer: entry.data.answer,
              change: work.made?.change ?? null,
            },
          ],
        }));
      return {
        ...run,
        question: null,
        answers: [...run.answers, { question: run.question?.question ?? '', answer: entry.data.answer }],
      };
    }
    case 'task.changed': {
      const { task, ...made } = entry.data;
      return taken(
        withWork(run, task, (work) => ({ ...work, made, pending: false })),
        'implement',
        task,
      );
    }
    case 'task.blocked': {
      const { task, question, expiresAt } = entry.data;
      return taken(
        withWork(run, task, (work) => ({ ...block(work, { question, expiresAt }), pending: true })),
        'implement',
        task,
      );
    }
    case 'task.unfinished': {
      const { task, unfinished, tree } = entry.data;
      const left: Reason = { kind: 'unfinished', unfinished };
      return taken(
        withWork(run, task, (work) =>
          task === null
            ? sendBack(work, left, tree ?? work.start, work.base)
            : {
                ...work,
                unfinished,
                start: tree ?? work.start,
                feedback: [...work.feedback, { ...left, change: work.made?.change ?? null }],
              },
        ),
        'implement',
        task,
      );
    }
    case 'task.stuck': {
      const { task, question, expiresAt } = entry.data;
      return withWork(run, task, (work) => block(work, { question, expiresAt }));
    }
    case 'task.reviewed': {
      const { task, review, patchId, verdict } = entry.data;
      const tree =
        (task === null ? run.change?.tree : run.tasks.find((work) => work.task === task)?.made?.tree) ?? null;
      const reviewed = taken(
        { ...run, reviews: [...run.reviews, { task, patchId, tree, verdict, review }] },
        'review',
        task,
      );
      if (verdict === 'approve') return reviewed;
      return task === null
        ? reviewedWhole(reviewed, review, true)
        : withWork(reviewed, task, (work) =>
            sendBack(work, { kind: 'review', review }, work.made?.tree ?? work.start, work.base),
          );
    }
    case 'task.integrated':
      return withWork(
        { ...run, head: { commit: entry.data.commit, tree: entry.data.tree }, change: null },
        entry.data.task,
        (work) => ({ ...work, integrated: true }),
      );
    case 'task.conflicted': {
      const { task, paths, start } = entry.data;
      return withWork(run, task, (work) =>
        sendBack(work, conflicted(run, work.made?.patchId, paths, start), start, run.head),
      );
    }
    case 'change.composed':
      return {
        ...run,
        change: entry.data,
        own:
          run.own !== null && run.carried === run.head.commit
            ? run.own
            : { base: run.base.commit, commit: entry.data.commit },
      };
    case 'change.queued':
      return { ...run, queue: { behind: entry.data.behind } };
    case 'checks.skipped':
      return { ...run, checks: entry.data.checks, checksSkipped: entry.data.kind };
    case 'review.skipped':
      return { ...run, reviewSkipped: entry.data };
    case 'checks.written':
      return taken({ ...run, checks: entry.data.checks }, 'test', null);
    case 'checks.disputed': {
      const { checks, by, said, patchId, change } = entry.data;
      // What was tested with them is tested anew.
      const disputed: Run = {
        ...run,
        checks: null,
        disputes: [...run.disputes, { checks, by, said }],
        tests: run.tests.filter(({ task }) => task !== null),
        queue: null,
      };
      if (by === 'implement')
        return taken({ ...disputed, integration: { ...run.integration, pending: false } }, 'implement', null);
      const verdict = 'request_changes' as const;
      const review = { task: null, patchId, tree: run.change?.tree ?? null, verdict, review: said };
      return reviewedWhole(
        taken({ ...disputed, reviews: [...run.reviews, review] }, 'review', null),
        said,
        change,
      );
    }
    case 'change.tested': {
      const { task, tree, verdict, report, failure } = entry.data;
      const tested = taken({ ...run, tests: [...run.tests, { task, tree, verdict, report }] }, 'test', task);
      if (!sendsBack(verdict)) return tested;
      const why = { kind: 'tests', report, failure } as const;
      return task === null
        ? sendWholeBack(tested, why, run.head.tree, run.head)
        : withWork(tested, task, (work) => sendBack(work, why, tree, work.base));
    }
    case 'base.moved': {
      const { base, head, conflict, behind, rewritten } = entry.data;
      const moved: Run = {
        ...run,
        base,
        head: head ?? base,
        carried: head?.commit ?? null,
        change: null,
        merge: null,
        rebases: run.rebases + 1,
        queue: { behind },
        root: behind === null ? base.commit : run.root,
        rewritten: run.rewritten || rewritten,
      };
      return conflict
        ? sendWholeBack(
            moved,
            conflicted(run, run.change?.patchId, conflict.paths, conflict.start),
            conflict.start,
            base,
          )
        : moved;
    }
    case 'merge.started':
      return { ...run, merge: { kind: 'started', gate: entry.data.gate } };
    case 'merge.finished':
      return {
        ...run,
        merge: {
          kind: 'finished',
          commit: entry.data.commit,
          tree: entry.data.tree,
          delivered: entry.data.delivered,
          ref: entry.data.ref,
        },
      };
    case 'merge.refused':
      return { ...run, merge: { kind: 'refused', reason: entry.data.reason } };
    case 'merge.lost':
      return { ...run, lost: entry.data.reason };
    case 'change.attested':
      return { ...run, attested: { ...run.attested, change: true } };
    case 'release.attested':
      return { ...run, attested: { ...run.attested, release: true } };
    case 'release.built':
      return taken({ ...run, release: entry.data }, 'deploy', null);
    case 'release.rehearsed': {
      const { result, to, ms, at, reason, evidence } = entry.data;
      if (result === 'works' || result === 'later' || result === 'no_undo')
        return { ...run, rehearsal: { works: result !== 'no_undo', to, ms, at, reason } };
      const ended = result === 'unhealthy' ? 'rolled_back' : 'failed';
      return { ...run, deploy: { kind: 'finished', result: ended, live: to, evidence } };
    }
    case 'release.outdated': {
      const { commit, tree } = entry.data;
      return {
        ...run,
        rebuiltFrom: { commit, tree, times: (run.rebuiltFrom?.times ?? 0) + 1 },
        release: null,
        rehearsal: null,
        gates: run.gates.map((one) =>
          one.action === 'deploy' && one.ended === null ? { ...one, ended: 'voided' } : one,
        ),
      };
    }
    case 'deploy.started':
      return { ...run, deploy: { kind: 'started', fence: entry.data.fence } };
    case 'deploy.finished':
      return {
        ...run,
        deploy: {
          kind: 'finished',
          result: entry.data.result,
          live: entry.data.live,
          evidence: entry.data.evidence,
        },
      };
    case 'revert.started':
      return { ...run, revert: { kind: 'started' } };
    case 'revert.finished':
      return { ...run, revert: { kind: 'finished', commit: entry.data.commit, ref: entry.data.ref } };
    case 'run.stop-asked':
      return { ...run, stopAsked: entry.data };
    case 'run.parked':
      // What was rehearsed is stopped meanwhile, and rehearsed beside what serves then.
      return { ...run, parked: entry.data, queue: null, rehearsal: null };
    case 'run.reminded':
      return run.parked === null ? run : { ...run, parked: { ...run.parked, remindAt: entry.data.remindAt } };
    case 'run.resumed':
      return resume(run, entry.data);
    case 'run.closed':
      return { ...run, closed: { end: entry.data.end, reason: entry.data.reason } };
    default:
      return run;
  }
}

/** Folds a stream's entries; the state of a run is nothing else. */
export const replay = (entries: readonly Entry[], from: RunState): RunState => entries.reduce(evolve, from);
