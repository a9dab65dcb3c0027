import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sendsBack } from '../artifacts.ts';
import type { Entry, EntryOf } from '../entries/index.ts';
import type { Instant, PersonId } from '../ids.ts';
import {
  decide,
  evolve,
  initialState,
  nextActor,
  nextActorOfTicket,
  type RunEntry,
  type RunState,
  replay,
  workOf,
} from './index.ts';
import { author, CUT_OFF, drive, opened } from './testing/random-drive.ts';

// The invariants are read off the entries alone, never off `todo`.

const choices = fc.array(fc.nat(1_000_000), { minLength: 30, maxLength: 200 });
/** Rolled round and round, these void the deploy gate each time that it has allowed. */
const VOIDED_FOR_EVER = [
  1765, 1, 1, 557018, 1, 955, 3, 1, 1, 591469, 1, 55, 1767, 1, 6565, 2976, 179336, 1, 2587, 920866, 42259,
  199129, 1844, 401683, 119431, 130040, 279420, 2131, 506276, 233125, 190887, 402377, 463351, 86511, 365440,
  330777,
];
const RUNS = Number(process.env.MILLWRIGHT_PROPERTY_RUNS ?? 3_000);

/** A failure that asks for a pause gets it: its stage is not opened again before. */
function checkPauses(entries: readonly Entry[], times: readonly number[]): void {
  const pauses = new Map<string, number>();
  const names = new Map<string, string>();
  entries.forEach((entry, index) => {
    if (entry.type === 'stage.opened') {
      const name = `${entry.data.role}/${entry.data.task}`;
      names.set(entry.data.attempt, name);
      expect(times[index]).toBeGreaterThanOrEqual(pauses.get(name) ?? 0);
    }
    if (entry.type === 'stage.closed' && entry.data.outcome.kind === 'failed')
      pauses.set(names.get(entry.data.attempt) ?? '', entry.data.outcome.retryAt ?? 0);
  });
}

describe(`a run, in ${RUNS} random drives`, () => {
  it('always ends, keeps its order, merges and deploys only what was judged, bounds rework, and replays to the same state', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(choices, fc.boolean(), (dice, deploys) => {
        const { entries, times, state, steps } = drive(dice, deploys, checkNextActor);
        if (state.kind !== 'run' || !state.closed)
          throw new Error(
            `not ended after ${steps} steps; last: ${entries.slice(-40).map(({ type }) => type)}; ${times.at(-1)}`,
          );
        expect(state.closed.reason, 'what a run ended for').not.toContain(CUT_OFF);
        checkTakenBack(entries);
        checkMergeIsKept(entries);
        ends.set(state.closed.end, (ends.get(state.closed.end) ?? 0) + 1);
        checkOrder(entries);
        checkMerge(entries);
        checkDeploy(entries);
        checkBounds(entries);
        checkBlocked(entries);
        checkStuck(entries);
        checkSplit(entries);
        checkPauses(entries, times);
        checkAttested(entries);
        checkCancelled(entries);
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
      { numRuns: RUNS, examples: [[VOIDED_FOR_EVER, true]] },
    );
    // The drive reaches every end: otherwise the invariants above would hold for want of trying.
    expect([...ends.keys()].sort()).toEqual(['cancelled', 'denied', 'done', 'failed', 'rolled_back']);
  });
});

const before = (entries: Entry[], index: number) => entries.slice(0, index);
type DataOf = { [T in Entry['type']]: EntryOf<T>['data'] };
const some = <T extends Entry['type']>(entries: Entry[], type: T, fits: (data: DataOf[T]) => boolean) =>
  entries.some((one) => one.type === type && fits(one.data as DataOf[T]));

/** Whoever cancels what was taken back already is not sent to a rollback: that would leave the good release. */
function checkCancelled(entries: Entry[]): void {
  const over = entries.findIndex((one) => one.type === 'deploy.finished' && one.data.result !== 'promoted');
  if (over < 0) return;
  const record = { type: 'run.stop-asked', data: { end: 'cancelled', reason: 'late' } } as const;
  const said = decide({ record, at: 0 }, replay(entries.slice(0, over + 1), initialState()));
  expect(said.kind).toBe('rejected');
  expect(JSON.stringify(said)).not.toContain('rollback');
}

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
      const planned = past.flatMap((one) =>
        one.type === 'plan.accepted' || one.type === 'plan.revised' ? one.data.tasks : [],
      );
      const known = planned.find((one) => one.id === task);
      expect(known, 'implement has its plan').toBeDefined();
      // What a task waits for may have been split since.
      const instead = (id: string): string[] => {
        const split = past.find((one) => one.type === 'plan.revised' && one.data.task === id);
        return split?.type === 'plan.revised' ? split.data.tasks.flatMap((one) => instead(one.id)) : [id];
      };
      for (const id of (known?.dependsOn ?? []).flatMap(instead))
        expect(
          some(past, 'task.integrated', (done) => done.task === id),
          `${task} needs ${id}`,
        ).toBe(true);
    }
    if (role === 'review') checkTestedFirst(past, task);
    if (role === 'test')
      expect(past.some((one) => one.type === (task === null ? 'plan.accepted' : 'task.changed'))).toBe(true);
    if (role === 'deploy') expect(past.some((one) => one.type === 'merge.finished')).toBe(true);
  });
}

/** No review is paid of what was not tested, or does not pass: what is reviewed is what was made last. */
function checkTestedFirst(past: Entry[], task: string | null): void {
  const made = past.findLast((one) =>
    task === null ? one.type === 'change.composed' : one.type === 'task.changed' && one.data.task === task,
  );
  if (made?.type !== 'change.composed' && made?.type !== 'task.changed')
    throw new Error('a review of nothing');
  const { tree } = made.data;
  const tested = past.findLast(
    (one) => one.type === 'change.tested' && one.data.task === task && one.data.tree === tree,
  );
  expect(tested?.type === 'change.tested' && !sendsBack(tested.data.verdict), 'tested before').toBe(true);
}

/** What failed for the same as before is not attempted again before a person has said something. */
function checkStuck(entries: Entry[]): void {
  const failures = new Map<string, Set<string>>();
  for (const entry of entries) {
    if (entry.type === 'change.tested' && sendsBack(entry.data.verdict) && entry.data.failure !== null) {
      const of = failures.get(entry.data.task ?? '') ?? new Set();
      if (of.has(entry.data.failure)) of.add('again');
      failures.set(entry.data.task ?? '', of.add(entry.data.failure));
    }
    if (entry.type === 'question.answered') for (const of of failures.values()) of.delete('again');
    if (entry.type === 'stage.opened' && entry.data.role === 'implement')
      expect(failures.get(entry.data.task ?? '')?.has('again') ?? false, 'paid for the same again').toBe(
        false,
      );
  }
}

/** Who said that it is blocked waits for a person: no attempt of that work is opened before the answer. */
function checkBlocked(entries: Entry[]): void {
  entries.forEach((entry, index) => {
    if (entry.type !== 'stage.opened' || entry.data.role !== 'implement') return;
    const state = replay(before(entries, index), initialState());
    if (state.kind === 'run') expect(workOf(state, entry.data.task)?.blocked ?? null).toBeNull();
  });
}

/** A task that was split is not worked on again; what is kept of it, and all that waited for it, goes on with what it was split into. */
function checkSplit(entries: Entry[]): void {
  let splits = 0;
  entries.forEach((entry, index) => {
    if (entry.type === 'run.resumed') splits = 0;
    if (entry.type !== 'plan.revised') return;
    splits += 1;
    const { task, tasks } = entry.data;
    const [old, now] = [before(entries, index), entries.slice(0, index + 1)].map((past) =>
      replay(past, initialState()),
    );
    if (old?.kind !== 'run' || now?.kind !== 'run') throw new Error('a plan of no run');
    const left = old.tasks.find((one) => one.task === task);
    const unfinished = before(entries, index).findLast((one) => one.type === 'task.unfinished');
    expect(left?.unfinished, 'only what its implementer left is split').not.toBeNull();
    expect(unfinished).toBeDefined();
    expect(workOf(now, tasks[0]?.id ?? null), 'goes on from what is kept').toMatchObject({
      base: left?.base,
      start: left?.start,
      pending: true,
    });
    const later = entries.slice(index).flatMap((one) => (one.type === 'stage.opened' ? [one.data.task] : []));
    expect(later, 'what was split is over').not.toContain(task);
    for (const other of old.tasks.filter(({ dependsOn }) => dependsOn.includes(task)))
      expect(workOf(now, other.task)?.dependsOn).toEqual(expect.arrayContaining(tasks.map(({ id }) => id)));
    expect(now.tasks.length).toBeLessThanOrEqual(now.limits.tasks);
  });
  expect(splits).toBeLessThanOrEqual(2);
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
    const skipped = past.findLast((one) => one.type === 'review.skipped');
    const unreviewed = skipped?.type === 'review.skipped' && skipped.data.tree === tree;
    if (!unreviewed)
      expect(review?.type === 'task.reviewed' && review.data.verdict, 'this patch was approved').toBe(
        'approve',
      );
    const tested = past.findLastIndex(
      (one) => one.type === 'change.tested' && one.data.task === null && one.data.tree === tree,
    );
    const test = past[tested];
    const checks = past.findLastIndex((one) => one.type.startsWith('checks.'));
    expect(tested, 'tested as a whole, with the checks as they are').toBeGreaterThan(checks);
    expect(
      test?.type === 'change.tested' && sendsBack(test.data.verdict),
      'this tree was not sent back',
    ).toBe(false);
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
    if (entry.type === 'gate.asked' && entry.data.action === 'deploy') {
      const since = before(entries, index);
      // Rehearsed since the release was built, and anew after each gate that was voided.
      const from = since.findLastIndex((one) =>
        ['gate.voided', 'release.built', 'run.parked'].includes(one.type),
      );
      expect(
        some(
          since.slice(from),
          'release.rehearsed',
          ({ result }) => result === 'works' || result === 'no_undo',
        ),
        'undo was rehearsed before the deploy gate was asked',
      ).toBe(true);
    }
    if (entry.type !== 'deploy.started') return;
    const past = before(entries, index);
    const built = past.findLast((one) => one.type === 'release.built');
    if (built?.type !== 'release.built') throw new Error('a deploy without a release');
    expect(sendsBack(built.data.verdict)).toBe(false);
    const asked = past.findLast(
      (one) =>
        one.type === 'gate.asked' && one.data.action === 'deploy' && one.data.subject === built.data.artifact,
    );
    expect(
      asked?.type === 'gate.asked' &&
        some(past, 'gate.decided', (gate) => gate.gate === asked.data.gate && gate.decision === 'allow'),
    ).toBe(true);
  });
  const bad = (entry: Entry) =>
    (entry.type === 'deploy.finished' && entry.data.result !== 'promoted') ||
    (entry.type === 'release.rehearsed' && ['unhealthy', 'failed'].includes(entry.data.result));
  const rolledBack = entries.some(bad);
  if (entries.some((one) => one.type === 'release.rehearsed' && bad(one)))
    expect(entries.some((one) => one.type === 'deploy.started')).toBe(false);
  if (rolledBack)
    expect(
      entries.some((one) => one.type === 'revert.finished'),
      'what was rolled back is reverted',
    ).toBe(true);
  expect(entries.filter((one) => one.type === 'deploy.started').length).toBeLessThanOrEqual(1);
}

function checkAttested(entries: Entry[]): void {
  const merged = entries.filter((one) => one.type === 'merge.finished');
  const attested = entries.filter((one) => one.type === 'change.attested');
  expect(attested.map((one) => one.data.commit)).toEqual(merged.map((one) => one.data.commit));
  // One that was outdated goes nowhere, and what a person let go on is made anew where its merge was taken back.
  const built = entries.filter((one) => one.type === 'release.built').length;
  expect(entries.filter((one) => one.type === 'release.attested').length).toBeLessThanOrEqual(built);
  entries.forEach((entry, index) => {
    if (entry.type !== 'run.closed') return;
    const past = before(entries, index);
    const last = past.findLastIndex((one) =>
      ['release.built', 'release.outdated', 'merge.finished'].includes(one.type),
    );
    const goes = past[last]?.type === 'release.built';
    expect(
      past.slice(Math.max(last, 0)).some((one) => one.type === 'release.attested'),
      'what was released is attested before the run closes',
    ).toBe(goes);
  });
  const deployed = entries.findIndex((one) => one.type === 'deploy.started');
  if (deployed >= 0)
    expect(before(entries, deployed).some((one) => one.type === 'change.attested')).toBe(true);
}

/** What is merged to be deployed and does not come to serve is taken back before the run closes; so is nothing else. */
function checkTakenBack(entries: Entry[]): void {
  entries.forEach((entry, index) => {
    if (entry.type !== 'run.closed') return;
    const past = before(entries, index);
    const opening = past[0];
    const from = past.findLastIndex((one) => one.type === 'merge.finished');
    const merged = past[from];
    if (opening?.type !== 'run.opened' || merged?.type !== 'merge.finished') return;
    const since = past.slice(from);
    if (!opening.data.deploys || merged.data.delivered === 'branch') {
      expect(entry.data.end, 'what was delivered is done, whoever wanted to stop it').toBe('done');
      return;
    }
    const promoted = since.some((one) => one.type === 'deploy.finished' && one.data.result === 'promoted');
    expect(entry.data.end === 'done').toBe(promoted);
    if (!promoted && !since.some((one) => one.type === 'merge.lost'))
      expect(
        since.some((one) => one.type === 'revert.finished'),
        `taken back, being ${entry.data.end}`,
      ).toBe(true);
  });
}

/** Between `merge.started` and its outcome nothing ends the run, and nothing calls it failed. */
function checkMergeIsKept(entries: Entry[]): void {
  let merging = false;
  let merged = false;
  for (const entry of entries) {
    if (entry.type === 'merge.finished') merged = true;
    if (entry.type === 'merge.lost') merged = false;
    if (entry.type === 'revert.finished' && entry.data.commit !== null) merged = false;
    if (merged) expect(['change.queued', 'base.moved']).not.toContain(entry.type);
    if (entry.type === 'merge.started') merging = true;
    else if (['merge.finished', 'merge.refused', 'base.moved'].includes(entry.type)) merging = false;
    else if (merging) {
      expect(entry.type, 'during a merge').toBe('run.stop-asked');
      expect(entry.type === 'run.stop-asked' && entry.data.end).toBe('cancelled');
    }
  }
}

/** Who is named as the next to act can act: what the named command appends is accepted. */
function checkNextActor(state: RunState, now: Instant): void {
  checkTicketsActor(state, now);
  if (state.kind !== 'run') return;
  const next = nextActor(state, now);
  expect(next.who === 'nobody', 'only what is done has nobody').toBe(state.closed?.end === 'done');
  if (!('act' in next)) return;
  const takes = (record: RunEntry) => decide({ record, at: now }, state).kind;
  if (next.act === 'retry')
    expect(takes({ type: 'run.resumed', data: { expiresAt: now + 1, reason: '' } })).toBe('accepted');
  if (next.act === 'answer' && state.closed === null)
    expect(takes({ type: 'question.answered', data: { answer: '' } })).toBe('accepted');
  if (next.act !== 'approve') return;
  const gate = state.gates.find((one) => one.gate === next.gate);
  if (gate === undefined) throw new Error('a gate that is not there');
  const person = 'per_somebody0' as PersonId;
  expect(
    takes({ type: 'gate.approved', data: { gate: gate.gate, person, subject: gate.subject, reason: '' } }),
  ).toBe('accepted');
}

/** Whatever its ticket knows of the run, and where there is none: only what is done has nobody, and no person waits for another. */
function checkTicketsActor(run: RunState, now: Instant): void {
  for (const state of ['open', 'running', 'done', 'closed', 'reopened'] as const)
    for (const unanswered of [false, true])
      for (const last of [run, initialState()]) {
        const next = nextActorOfTicket({ state, unanswered, run: last }, now);
        expect(next.who === 'nobody', `${state}: ${JSON.stringify(next)}`).toBe(state === 'done');
        // A person is named only where an act of theirs is taken: see checkNextActor for those on a run.
        if ('act' in next && last.kind === 'none') expect([state, next.act]).toEqual([state, 'answer']);
        if (last.kind === 'none' && (state === 'open' || state === 'running'))
          expect(next.who).toBe('factory');
        if (state === 'running' && last.kind === 'run' && last.closed === null)
          expect(next).toEqual(nextActor(last, now));
      }
}

function checkBounds(entries: Entry[]): void {
  const byWork = new Map<string, number>();
  for (const entry of entries) {
    // A person let it go on: its bounds begin anew.
    if (entry.type === 'run.resumed') byWork.clear();
    if (entry.type === 'task.changed')
      byWork.set(entry.data.task ?? '', (byWork.get(entry.data.task ?? '') ?? 0) + 1);
    if (entry.type === 'gate.approved') expect(entry.data.person).not.toBe(author);
  }
  for (const [work, times] of byWork)
    expect(times, `changes of ${work || 'the whole'}`).toBeLessThanOrEqual(1 + 2);
  const closed = entries.filter((one) => one.type === 'run.closed').length;
  expect(closed).toBeLessThanOrEqual(1 + entries.filter((one) => one.type === 'run.resumed').length);
  expect(entries.at(-1)?.type).toBe('run.closed');
}

describe('decide', () => {
  it('refuses everything on a closed run and a second opening', () => {
    const start = evolve(initialState(), opened(false));
    expect(decide({ record: opened(false), at: 0 }, start)).toMatchObject({ kind: 'rejected' });
  });
});
