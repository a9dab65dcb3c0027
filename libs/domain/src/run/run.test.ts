import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptOutcome, Entry, EntryOf } from '../entries.ts';
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
} from '../ids.ts';
import {
  apply,
  decide,
  evolve,
  initialState,
  noUsage,
  type RunEntry,
  type RunState,
  replay,
  type Todo,
  todo,
} from './index.ts';

// A scripted world, driven by random choices: every result a run can meet, in any order that `todo` allows, mixed with commands
// that are not due. The invariants are read off the entries alone, never off `todo`.

let serial = 0;
const hex = (n: number) => (serial++).toString(16).padStart(n, '0');
const digest = () => `sha256:${hex(64)}` as Digest;
const sha = () => hex(40) as GitSha;
const patch = () => hex(40) as PatchId;
const attempt = () => `att_${hex(16)}` as AttemptId;
const gate = () => `gate_${hex(16)}` as GateId;
const author = 'per_author00' as PersonId;
const people = ['per_alice000', 'per_bob00000'] as PersonId[];

const opened = (deploys: boolean): EntryOf<'run.opened'> => ({
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

/** What the world answers to one due step. */
function answer(step: Todo, state: Extract<RunState, { kind: 'run' }>, roll: Dice): RunEntry[] {
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
      const decision = (['allow', 'allow', 'needs_approval', 'allow', 'deny'] as const)[roll(5)] ?? 'deny';
      return [
        {
          type: 'gate.decided',
          data: { gate: step.gate, decision, policies: [], approvals: 2, facts: digest(), reason: '' },
        },
      ];
    }
    case 'expire-gate':
      return [{ type: 'gate.expired', data: { gate: step.gate } }];
    case 'open-stage':
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
        { kind: 'done', artifact: digest() },
        { kind: 'done', artifact: digest() },
        { kind: 'done', artifact: digest() },
        { kind: 'done', artifact: digest() },
        { kind: 'failed', code: 'lost', retryable: true, reason: '' },
        { kind: 'failed', code: 'change-refused', retryable: false, reason: '' },
        { kind: 'failed', code: 'stuck', retryable: false, reason: '' },
      ];
      const outcome =
        step.do === 'cancel-stage'
          ? ({ kind: 'cancelled', reason: '' } as const)
          : (outcomes[roll(outcomes.length)] ?? { kind: 'cancelled', reason: '' });
      return [
        { type: 'stage.closed', data: { stage: 's', attempt: step.attempt, outcome, usage: noUsage() } },
      ];
    }
    case 'take':
      return [take(step, state, roll)];
    case 'integrate': {
      const ok = roll(5) > 0;
      return [
        ok
          ? { type: 'task.integrated', data: { task: step.task, ...changed() } }
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
    case 'merge': {
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
      const moved = { base: changed(), reason: '' };
      return [
        (
          [
            {
              type: 'merge.finished',
              data: { ...changed(), delivered: roll(4) ? 'merge' : 'branch', ref: 'main', reason: '' },
            },
            { type: 'merge.finished', data: { ...changed(), delivered: 'merge', ref: 'main', reason: '' } },
            { type: 'merge.refused', data: { reason: '' } },
            { type: 'base.moved', data: { ...moved, head: changed(), conflict: null } },
            { type: 'base.moved', data: { ...moved, head: null, conflict: { start: sha(), paths: ['a'] } } },
          ] as RunEntry[]
        )[roll(5)] as RunEntry,
      ];
    }
    case 'deploy': {
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

function take(
  step: Extract<Todo, { do: 'take' }>,
  state: Extract<RunState, { kind: 'run' }>,
  roll: Dice,
): RunEntry {
  switch (step.role) {
    case 'plan': {
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
    case 'test':
      return {
        type: 'change.tested',
        data: {
          tree: state.change?.tree ?? sha(),
          report: step.artifact,
          verdict: (['passed', 'passed', 'failed', 'invalid'] as const)[roll(4)] ?? 'invalid',
        },
      };
    case 'deploy':
      return {
        type: 'release.built',
        data: {
          release: 'rel_00000000' as ReleaseId,
          artifact: step.artifact,
          layer: digest(),
          verdict: roll(5) ? 'passed' : 'failed',
        },
      };
  }
}

/** Drives a run to its end; `forged` commands are thrown in between and must never get in where they break an invariant. */
function drive(choices: number[], deploys: boolean): { entries: Entry[]; state: RunState; steps: number } {
  let cursor = 0;
  const roll: Dice = (sides) => (choices[cursor++ % choices.length] ?? 0) % sides;
  const entries: Entry[] = [];
  let now: Instant = 0;
  let state = initialState();
  const offer = (record: RunEntry | EntryOf<'run.opened'>): boolean => {
    const next = apply({ record, at: now }, state);
    state = next.state;
    if (next.decision.kind === 'accepted') entries.push(...next.decision.entries);
    return next.decision.kind === 'accepted';
  };
  offer(opened(deploys));
  let steps = 0;
  while (state.kind === 'run' && !state.closed && steps < 2_000) {
    steps += 1;
    const due = todo(state, now);
    expect(due.length, 'an open run always has something due').toBeGreaterThan(0);
    const step = due[roll(due.length)] as Todo;
    for (const record of answer(step, state, roll)) offer(record);
    if (step.do === 'wait') now += 700;
    if (roll(40) === 0)
      offer({ type: 'run.stop-asked', data: { end: 'cancelled', reason: 'changed my mind' } });
    if (roll(6) === 0) forge(state, roll).forEach(offer);
  }
  return { entries, state, steps };
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
    { type: 'change.tested', data: { tree: sha(), report: digest(), verdict: 'passed' } },
    { type: 'run.closed', data: { end: 'done', reason: '', streams: {}, usage: noUsage() } },
  ];
  return [all[roll(all.length)] as RunEntry];
}

const choices = fc.array(fc.nat(1_000_000), { minLength: 30, maxLength: 200 });
const RUNS = Number(process.env.MILLWRIGHT_PROPERTY_RUNS ?? 3_000);

describe('a run, driven at random', () => {
  it('always ends, keeps its order, merges and deploys only what was judged, bounds rework, and replays to the same state', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(choices, fc.boolean(), (dice, deploys) => {
        const { entries, state, steps } = drive(dice, deploys);
        if (state.kind !== 'run' || !state.closed) throw new Error(`not ended after ${steps} steps`);
        ends.set(state.closed.end, (ends.get(state.closed.end) ?? 0) + 1);
        checkOrder(entries);
        checkMerge(entries);
        checkDeploy(entries);
        checkBounds(entries);
        expect(replay(entries, initialState())).toEqual(state);
        const cut = entries.length >> 1;
        expect(replay(entries.slice(cut), replay(entries.slice(0, cut), initialState()))).toEqual(state);
        expect(
          decide(
            { record: { type: 'run.stop-asked', data: { end: 'cancelled', reason: 'late' } }, at: 0 },
            state,
          ).kind,
        ).toBe('rejected');
      }),
      { numRuns: RUNS },
    );
    // The drive reaches every end: otherwise the invariants above would hold for want of trying.
    expect([...ends.keys()].sort()).toEqual(['cancelled', 'denied', 'done', 'failed', 'rolled_back']);
  }, 120_000);
});

const before = (entries: Entry[], index: number) => entries.slice(0, index);
type DataOf = { [T in Entry['type']]: EntryOf<T>['data'] };
const some = <T extends Entry['type']>(entries: Entry[], type: T, fits: (data: DataOf[T]) => boolean) =>
  entries.some((one) => one.type === type && fits(one.data as DataOf[T]));

function checkOrder(entries: Entry[]): void {
  entries.forEach((entry, index) => {
    if (entry.type !== 'stage.opened') return;
    const past = before(entries, index);
    const { role, task } = entry.data;
    expect(
      some(past, 'gate.decided', (gate) => gate.decision === 'allow'),
      `${role} after the start gate`,
    ).toBe(true);
    if (role === 'implement' && task !== null) {
      const plan = past.find((one) => one.type === 'plan.accepted');
      const known =
        plan?.type === 'plan.accepted' ? plan.data.tasks.find((one) => one.id === task) : undefined;
      expect(known, 'implement has its plan').toBeDefined();
      for (const id of known?.dependsOn ?? [])
        expect(
          some(past, 'task.integrated', (done) => done.task === id),
          `${task} needs ${id}`,
        ).toBe(true);
    }
    if (role === 'review') expect(past.some((one) => one.type === 'task.changed')).toBe(true);
    if (role === 'test') expect(past.some((one) => one.type === 'change.composed')).toBe(true);
    if (role === 'deploy') expect(past.some((one) => one.type === 'merge.finished')).toBe(true);
  });
}

function checkMerge(entries: Entry[]): void {
  entries.forEach((entry, index) => {
    if (entry.type === 'merge.finished')
      expect(
        before(entries, index).findLast((one) => one.type.startsWith('merge.') || one.type === 'base.moved')
          ?.type,
      ).toBe('merge.started');
    if (entry.type !== 'merge.started') return;
    const past = before(entries, index);
    const change = past.findLast((one) => one.type === 'change.composed');
    if (change?.type !== 'change.composed') throw new Error('a merge without a change');
    const { subject, patchId, tree, commit } = change.data;
    expect(entry.data.subject).toBe(subject);
    expect(entry.data.commit).toBe(commit);
    const review = past.findLast((one) => one.type === 'task.reviewed' && one.data.patchId === patchId);
    expect(review?.type === 'task.reviewed' && review.data.verdict, 'this patch was approved').toBe(
      'approve',
    );
    const test = past.findLast((one) => one.type === 'change.tested' && one.data.tree === tree);
    expect(test?.type === 'change.tested' && test.data.verdict, 'this tree passed').toBe('passed');
    const asked = past.findLast(
      (one) => one.type === 'gate.asked' && one.data.action === 'merge' && one.data.subject === subject,
    );
    const gateId = asked?.type === 'gate.asked' ? asked.data.gate : undefined;
    const decided = past.findLast((one) => one.type === 'gate.decided' && one.data.gate === gateId);
    expect(decided?.type === 'gate.decided' && decided.data.decision, 'the gate on this change allows').toBe(
      'allow',
    );
    expect(some(past, 'gate.expired', (gate) => gate.gate === gateId)).toBe(false);
  });
}

function checkDeploy(entries: Entry[]): void {
  entries.forEach((entry, index) => {
    if (entry.type !== 'deploy.started') return;
    const past = before(entries, index);
    const built = past.findLast((one) => one.type === 'release.built');
    if (built?.type !== 'release.built') throw new Error('a deploy without a release');
    expect(built.data.verdict).toBe('passed');
    const asked = past.findLast(
      (one) =>
        one.type === 'gate.asked' && one.data.action === 'deploy' && one.data.subject === built.data.artifact,
    );
    expect(
      asked?.type === 'gate.asked' &&
        some(past, 'gate.decided', (gate) => gate.gate === asked.data.gate && gate.decision === 'allow'),
    ).toBe(true);
  });
  const rolledBack = entries.some((one) => one.type === 'deploy.finished' && one.data.result !== 'promoted');
  if (rolledBack)
    expect(
      entries.some((one) => one.type === 'revert.finished'),
      'what was rolled back is reverted',
    ).toBe(true);
  expect(entries.filter((one) => one.type === 'deploy.started').length).toBeLessThanOrEqual(1);
}

function checkBounds(entries: Entry[]): void {
  const byWork = new Map<string, number>();
  for (const entry of entries) {
    if (entry.type === 'task.changed')
      byWork.set(entry.data.task ?? '', (byWork.get(entry.data.task ?? '') ?? 0) + 1);
    if (entry.type === 'gate.approved') expect(entry.data.person).not.toBe(author);
  }
  for (const [work, times] of byWork)
    expect(times, `changes of ${work || 'the whole'}`).toBeLessThanOrEqual(1 + 2);
  expect(entries.filter((one) => one.type === 'base.moved').length).toBeLessThanOrEqual(3);
  expect(entries.filter((one) => one.type === 'run.closed').length).toBe(1);
  expect(entries.at(-1)?.type).toBe('run.closed');
}

describe('decide', () => {
  it('refuses everything on a closed run and a second opening', () => {
    const start = evolve(initialState(), opened(false));
    expect(decide({ record: opened(false), at: 0 }, start)).toMatchObject({ kind: 'rejected' });
  });
});
