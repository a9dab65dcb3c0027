import { expect } from 'vitest';
import type { AttemptOutcome, Entry, EntryOf } from '../../entries/index.ts';
import type {
  AttemptId,
  Digest,
  GateId,
  GitSha,
  Instant,
  PatchId,
  PersonId,
  ReleaseId,
  RepoName,
  RunId,
  TaskId,
  TicketId,
} from '../../ids.ts';
import {
  apply,
  initialState,
  mayDispute,
  noUsage,
  type RunEntry,
  type RunState,
  type Todo,
  todo,
  workOf,
} from '../index.ts';
import { gateOf, mayBeOutdated, outdated } from './outdated.ts';

// A scripted world, driven by random choices: every result a run can meet, in any order that `todo` allows, mixed with commands
// that are not due. The invariants are read off the entries alone, never off `todo`.

let serial = 0;
const hex = (n: number) => (serial++).toString(16).padStart(n, '0');
const digest = () => `sha256:${hex(64)}` as Digest;
const sha = () => hex(40) as GitSha;
const patch = () => hex(40) as PatchId;
const attempt = () => `att_${hex(16)}` as AttemptId;
const gate = () => `gate_${hex(16)}` as GateId;
/** Two that fail with it fail for the same. */
const SAME_FAILURE = digest();
/** Why a stage is cancelled here: that is no run's own reason. */
export const CUT_OFF = 'cut off with its run';
export const author = 'per_author00' as PersonId;
const people = ['per_alice000', 'per_bob00000'] as PersonId[];

export const opened = (deploys: boolean): EntryOf<'run.opened'> => ({
  type: 'run.opened',
  data: {
    run: 'run_00000000' as RunId,
    ticket: 'tkt_00000000' as TicketId,
    repo: 'shop' as RepoName,
    author: author as never,
    ticketDigest: digest(),
    config: digest(),
    base: { commit: sha(), tree: sha() },
    deploys,
    step: 6,
    expiresAt: 10_000,
    limits: { reworks: 2, attempts: 3, tasks: 5, rebases: 2 },
  },
});

type Dice = (sides: number) => number;
const REHEARSAL_MS = 400;

/** What the world answers to one due step. */
function answer(step: Todo, state: Extract<RunState, { kind: 'run' }>, roll: Dice, now: Instant): RunEntry[] {
  const moved = () => ({
    base: changed(),
    behind: roll(2) ? ('run_before00' as RunId) : null,
    rewritten: roll(3) === 0,
    reason: '',
  });
  const changed = (): { tree: GitSha; commit: GitSha } => ({ tree: sha(), commit: sha() });
  switch (step.do) {
    case 'ask-gate':
      return [
        {
          type: 'gate.asked',
          data: {
            gate: gate(),
            action: step.action,
            subject: step.subject,
            facts: digest(),
            expiresAt: state.expiresAt - 1_000 * roll(8),
          },
        },
      ];
    case 'judge-gate': {
      if (roll(6) === 0 && mayBeOutdated(state) && gateOf(state, step.gate)?.action === 'deploy')
        return [outdated(state, sha)];
      const decision = (['needs_approval', 'needs_approval', 'deny'] as const)[roll(12)] ?? 'allow';
      const policies = decision === 'deny' && roll(2) ? ['start-budget'] : [];
      return [
        {
          type: 'gate.decided',
          data: { gate: step.gate, decision, policies, approvals: 2, facts: digest(), reason: '' },
        },
      ];
    }
    case 'expire-gate':
      return [{ type: 'gate.expired', data: { gate: step.gate } }];
    case 'open-stage':
      if (step.role === 'test' && step.task === null && state.checks === null && roll(8) === 0)
        return [{ type: 'checks.skipped', data: { checks: digest(), kind: 'docs' } }];
      if (step.role === 'review' && step.task === null && state.change !== null && roll(8) === 0) {
        const { patchId, tree } = state.change;
        return [{ type: 'review.skipped', data: { patchId, tree, kind: 'docs' } }];
      }
      return [
        {
          type: 'stage.opened',
          data: {
            stage: step.role,
            role: step.role,
            task: step.task,
            attempt: attempt(),
            spec: digest(),
            inputs: [],
          },
        },
      ];
    case 'await-stage':
    case 'cancel-stage': {
      const outcomes: AttemptOutcome[] = [
        { kind: 'failed', code: 'lost', retryable: true, reason: '' },
        { kind: 'failed', code: 'unavailable', retryable: true, retryAt: roll(4_000), reason: '' },
        { kind: 'failed', code: 'change-refused', retryable: false, reason: '' },
        { kind: 'failed', code: 'stuck', retryable: false, reason: '' },
        { kind: 'failed', code: 'budget', retryable: false, reason: '' },
      ];
      // Its time is over while it waits for a budget.
      if (step.do === 'cancel-stage' && roll(3) === 0 && state.stopAsked === null)
        return [{ type: 'run.parked', data: { cause: 'budget', reason: 'x', remindAt: now + 300 } }];
      const outcome =
        step.do === 'cancel-stage'
          ? ({ kind: 'cancelled', reason: CUT_OFF } as const)
          : (outcomes[roll(40)] ?? { kind: 'done', artifact: digest() });
      return [
        { type: 'stage.closed', data: { stage: 's', attempt: step.attempt, outcome, usage: noUsage() } },
      ];
    }
    case 'take':
      return [take(step, state, roll)];
    case 'ask-stuck': {
      const { task, failure } = step;
      return [
        { type: 'task.stuck', data: { task, failure, question: '?', expiresAt: state.expiresAt - 500 } },
      ];
    }
    case 'integrate': {
      const ok = roll(5) > 0;
      return [
        ok
          ? { type: 'task.integrated', data: { task: step.task, ...changed(), united: [] } }
          : { type: 'task.conflicted', data: { task: step.task, paths: ['a'], start: sha(), reason: '' } },
      ];
    }
    case 'compose':
      return [
        {
          type: 'change.composed',
          data: {
            subject: digest(),
            base: state.base.commit,
            ...state.head,
            patchId: state.tasks[0]?.made && roll(2) ? state.tasks[0].made.patchId : patch(),
          },
        },
      ];
    case 'line-up':
      return [
        (
          [
            { type: 'change.queued', data: { behind: null } },
            { type: 'change.queued', data: { behind: 'run_before00' as RunId } },
            { type: 'base.moved', data: { ...moved(), head: changed(), conflict: null } },
            {
              type: 'base.moved',
              data: { ...moved(), head: null, conflict: { start: sha(), paths: ['a'] } },
            },
          ] as RunEntry[]
        )[roll(4)] as RunEntry,
      ];
    case 'park':
      return [{ type: 'run.parked', data: { cause: step.cause, reason: step.reason, remindAt: now + 300 } }];
    case 'remind':
      return [{ type: 'run.reminded', data: { result: 'sent', remindAt: now + 300, reason: '' } }];
    case 'merge': {
      // What it stands on has left the queue.
      if (state.merge === null && roll(6) === 0)
        return [{ type: 'base.moved', data: { ...moved(), head: changed(), conflict: null } }];
      if (state.merge === null)
        return [
          {
            type: 'merge.started',
            data: {
              subject: state.change?.subject ?? digest(),
              gate: step.gate,
              commit: state.change?.commit ?? sha(),
              base: state.base.commit,
            },
          },
        ];
      return [
        (
          [
            {
              type: 'merge.finished',
              data: { ...changed(), delivered: roll(4) ? 'merge' : 'branch', ref: 'main', reason: '' },
            },
            { type: 'merge.finished', data: { ...changed(), delivered: 'merge', ref: 'main', reason: '' } },
            { type: 'merge.refused', data: { reason: '' } },
            { type: 'base.moved', data: { ...moved(), head: changed(), conflict: null } },
            {
              type: 'base.moved',
              data: { ...moved(), head: null, conflict: { start: sha(), paths: ['a'] } },
            },
          ] as RunEntry[]
        )[roll(5)] as RunEntry,
      ];
    }
    case 'rehearse':
      if (roll(6) === 0 && mayBeOutdated(state)) return [outdated(state, sha)];
      return [
        {
          type: 'release.rehearsed',
          data: {
            release: state.release?.release ?? ('rel_00000000' as ReleaseId),
            fence: 1,
            result:
              (['works', 'works', 'works', 'works', 'no_undo', 'unhealthy', 'failed'] as const)[roll(7)] ??
              'works',
            to: null,
            ms: REHEARSAL_MS,
            at: 0,
            reason: '',
            evidence: '',
          },
        },
      ];
    case 'attest':
      return [
        step.of === 'change'
          ? {
              type: 'change.attested',
              data: {
                commit: state.merge?.kind === 'finished' ? state.merge.commit : sha(),
                attestation: digest(),
                key: 'k',
              },
            }
          : {
              type: 'release.attested',
              data: {
                release: state.release?.release ?? ('rel_00000000' as ReleaseId),
                layer: state.release?.layer ?? digest(),
                attestation: digest(),
                key: 'k',
              },
            },
      ];
    case 'deploy': {
      // What was judged has changed by the time it is used: judged anew.
      if (state.deploy === null && roll(4) === 0)
        return [{ type: 'gate.voided', data: { gate: step.gate, reason: '' } }];
      const release = state.release?.release ?? ('rel_00000000' as ReleaseId);
      if (state.deploy === null)
        return [{ type: 'deploy.started', data: { release, gate: step.gate, fence: 1 } }];
      return [
        {
          type: 'deploy.finished',
          data: {
            release,
            result: (['promoted', 'rolled_back', 'failed'] as const)[roll(3)] ?? 'failed',
            live: null,
            evidence: '',
          },
        },
      ];
    }
    case 'revert':
      return state.revert === null
        ? [{ type: 'revert.started', data: { commit: sha() } }]
        : [{ type: 'revert.finished', data: { commit: sha(), ref: 'main', reason: '' } }];
    case 'wait':
      if (roll(3) === 0) return [];
      if (step.for === 'answer') return [{ type: 'question.answered', data: { answer: 'so' } }];
      if (step.for === 'person') return roll(2) ? [resumed(now)] : [];
      return state.gates
        .filter((one) => one.decision === 'needs_approval' && one.ended === null)
        .map((one) => ({
          type: 'gate.approved',
          data: { gate: one.gate, person: people[roll(2)] ?? author, subject: one.subject, reason: '' },
        }));
    case 'close':
      return [
        { type: 'run.closed', data: { end: step.end, reason: step.reason, streams: {}, usage: noUsage() } },
      ];
  }
}

const resumed = (now: Instant): RunEntry => ({
  type: 'run.resumed',
  data: { expiresAt: now + 10_000, reason: '' },
});

function take(
  step: Extract<Todo, { do: 'take' }>,
  state: Extract<RunState, { kind: 'run' }>,
  roll: Dice,
): RunEntry {
  switch (step.role) {
    case 'plan': {
      if (step.task !== null) return revised(step, step.task, state, roll);
      if (roll(5) === 0)
        return {
          type: 'question.asked',
          data: { question: '?', plan: step.artifact, expiresAt: state.expiresAt - 500 },
        };
      const count = 1 + roll(4);
      const tasks = Array.from({ length: count }, (_, i) => ({
        id: `t${i}` as TaskId,
        title: '',
        dependsOn: i > 0 && roll(2) ? [`t${roll(i)}` as TaskId] : [],
      }));
      return { type: 'plan.accepted', data: { plan: step.artifact, tasks } };
    }
    case 'implement':
      if (
        step.task === null &&
        state.checks !== null &&
        state.change !== null &&
        mayDispute(state, 'implement') &&
        roll(4) === 0
      )
        return {
          type: 'checks.disputed',
          data: {
            ...{ checks: state.checks, by: 'implement', said: step.artifact },
            ...{ patchId: state.change.patchId, change: false },
          },
        };
      if (roll(8) === 0)
        return {
          type: 'task.unfinished',
          data: {
            task: step.task,
            attempt: step.attempt,
            unfinished: step.artifact,
            tree: roll(3) ? sha() : null,
            reason: '',
          },
        };
      if (roll(8) === 0)
        return {
          type: 'task.blocked',
          data: {
            task: step.task,
            attempt: step.attempt,
            blocked: step.artifact,
            question: '?',
            expiresAt: state.expiresAt - 500,
          },
        };
      return {
        type: 'task.changed',
        data: {
          task: step.task,
          attempt: step.attempt,
          change: step.artifact,
          patchId: patch(),
          from: sha(),
          tree: sha(),
          commit: sha(),
        },
      };
    case 'review': {
      const patchId =
        step.task === null
          ? state.change?.patchId
          : state.tasks.find((work) => work.task === step.task)?.made?.patchId;
      if (step.task === null && state.checks !== null && mayDispute(state, 'review') && roll(8) === 0)
        return {
          type: 'checks.disputed',
          data: {
            ...{ checks: state.checks, by: 'review', said: step.artifact },
            ...{ patchId: patchId ?? patch(), change: roll(2) === 0 },
          },
        };
      return {
        type: 'task.reviewed',
        data: {
          task: step.task,
          review: step.artifact,
          patchId: patchId ?? patch(),
          verdict: roll(4) ? 'approve' : 'request_changes',
        },
      };
    }
    case 'test': {
      if (step.task === null && state.checks === null)
        return { type: 'checks.written', data: { checks: step.artifact } };
      const tree = step.task === null ? state.change?.tree : workOf(state, step.task)?.made?.tree;
      return {
        type: 'change.tested',
        data: {
          task: step.task,
          tree: tree ?? sha(),
          report: step.artifact,
          verdict: (['failed', 'invalid', 'no_tests', 'failing_as_on_base'] as const)[roll(12)] ?? 'passed',
          failure: ([null, SAME_FAILURE] as const)[roll(3)] ?? digest(),
        },
      };
    }
    case 'deploy':
      return {
        type: 'release.built',
        data: {
          release: 'rel_00000000' as ReleaseId,
          artifact: step.artifact,
          layer: digest(),
          verdict: (['failed', 'no_tests'] as const)[roll(6)] ?? 'passed',
        },
      };
  }
}

/** What is open of a task, as other tasks: as many as there is room for. */
function revised(
  step: Extract<Todo, { do: 'take' }>,
  task: TaskId,
  state: Extract<RunState, { kind: 'run' }>,
  roll: Dice,
): RunEntry {
  const room = state.limits.tasks - state.tasks.length + 1;
  const ids = Array.from({ length: 1 + roll(room) }, () => `s${serial++}` as TaskId);
  const tasks = ids.map((id, i) => ({ id, title: '', dependsOn: i === 0 ? [] : ids.slice(roll(i), i) }));
  return { type: 'plan.revised', data: { plan: step.artifact, task, tasks } };
}

/** Drives a run to its end; `forged` commands are thrown in between and must never get in where they break an invariant. */
export function drive(
  choices: number[],
  deploys: boolean,
  look?: (state: RunState, now: Instant) => void,
): { entries: Entry[]; times: Instant[]; state: RunState; steps: number } {
  let cursor = 0;
  const roll: Dice = (sides) => (choices[cursor++ % choices.length] ?? 0) % sides;
  const entries: Entry[] = [];
  const times: Instant[] = [];
  let now: Instant = 0;
  let state = initialState();
  const offer = (record: RunEntry | EntryOf<'run.opened'>): boolean => {
    const next = apply({ record, at: now }, state);
    state = next.state;
    if (next.decision.kind === 'accepted') entries.push(...next.decision.entries);
    while (times.length < entries.length) times.push(now);
    return next.decision.kind === 'accepted';
  };
  offer(opened(deploys));
  let steps = 0;
  let resumes = 0;
  // People let a parked run go on for 40 s of its time, which is some 2,000 steps where every task is sent back again and again.
  while (state.kind === 'run' && !state.closed && steps < 10_000) {
    steps += 1;
    const due = todo(state, now);
    expect(due.length, 'an open run always has something due').toBeGreaterThan(0);
    const step = due[roll(due.length)] as Todo;
    for (const record of answer(step, state, roll, now)) offer(record);
    // What ends a run whose gate is voided for ever is the time that each rehearsal in between takes.
    if (step.do === 'wait') now += 700;
    // What ends a run whose base moves for ever is the time that it is given.
    if (step.do === 'merge' || step.do === 'line-up') now += 700;
    look?.(state, now);
    // A closed run is let go on now and then, and a parked one is not waited for for ever.
    if (state.kind === 'run' && state.closed && resumes < 2 && roll(3) === 0 && offer(resumed(now)))
      resumes += 1;
    if (state.kind === 'run' && state.parked && now > 40_000)
      offer({ type: 'run.stop-asked', data: { end: 'cancelled', reason: 'nobody came' } });
    if (step.do === 'rehearse') now += REHEARSAL_MS;
    if (roll(200) === 0)
      offer({ type: 'run.stop-asked', data: { end: 'cancelled', reason: 'changed my mind' } });
    if (roll(6) === 0) forge(state, roll).forEach(offer);
  }
  return { entries, times, state, steps };
}

/** Commands of somebody who wants to be ahead of the rules. */
function forge(state: RunState, roll: Dice): RunEntry[] {
  if (state.kind === 'none') return [];
  const subject = state.change?.subject ?? digest();
  const all: RunEntry[] = [
    {
      type: 'merge.started',
      data: {
        subject,
        gate: state.gates[0]?.gate ?? gate(),
        commit: state.change?.commit ?? sha(),
        base: state.base.commit,
      },
    },
    {
      type: 'merge.finished',
      data: { commit: sha(), tree: sha(), delivered: 'merge', ref: 'main', reason: '' },
    },
    {
      type: 'deploy.started',
      data: { release: 'rel_00000000' as ReleaseId, gate: state.gates[0]?.gate ?? gate(), fence: 9 },
    },
    {
      type: 'stage.opened',
      data: { stage: 'x', role: 'deploy', task: null, attempt: attempt(), spec: digest(), inputs: [] },
    },
    {
      type: 'stage.opened',
      data: { stage: 'x', role: 'test', task: null, attempt: attempt(), spec: digest(), inputs: [] },
    },
    {
      type: 'gate.decided',
      data: {
        gate: state.gates.at(-1)?.gate ?? gate(),
        decision: 'allow',
        policies: [],
        approvals: 0,
        facts: digest(),
        reason: '',
      },
    },
    {
      type: 'gate.approved',
      data: { gate: state.gates.at(-1)?.gate ?? gate(), person: author, subject, reason: '' },
    },
    { type: 'change.attested', data: { commit: sha(), attestation: digest(), key: 'k' } },
    {
      type: 'change.tested',
      data: { task: null, tree: sha(), report: digest(), verdict: 'passed', failure: null },
    },
    {
      type: 'change.tested',
      data: {
        task: null,
        tree: state.change?.tree ?? sha(),
        report: digest(),
        verdict: 'passed',
        failure: null,
      },
    },
    {
      type: 'stage.opened',
      data: { stage: 'x', role: 'review', task: null, attempt: attempt(), spec: digest(), inputs: [] },
    },
    {
      type: 'task.stuck',
      data: { task: null, failure: SAME_FAILURE, question: '?', expiresAt: state.expiresAt },
    },
    { type: 'run.closed', data: { end: 'done', reason: '', streams: {}, usage: noUsage() } },
  ];
  return [all[roll(all.length)] as RunEntry];
}
