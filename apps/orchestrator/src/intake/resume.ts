import type { OpenTrail } from '@millwright/audit';
import type { Clock, Fold, Ids, RunInfo } from '@millwright/domain';
import { lineUp, type Queued, type RepoName, type RunId, type Todo, todo, turnOf } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { resumeRun } from './tickets.ts';

type Ports = {
  clock: Clock;
  ids: Ids;
  knownSecrets: KnownSecrets;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

/** Lets the parked runs go on whose cause is over: a cap was set since, or what waited for a budget got it. A gate's late approval lets its run go on itself. */
export async function resumeParked(factory: Ports): Promise<RunId[]> {
  const resumed: RunId[] = [];
  const { open } = factory.views;
  for (const info of [...open.runs.values()]) {
    const why = isOver(open, info);
    if (why === null) continue;
    const done = await resumeRun(factory, info.id, ORCHESTRATOR, why);
    if (done.kind === 'recorded') resumed.push(info.id);
  }
  return resumed;
}

function isOver(fold: Fold, { state, parkedAt, closedAt }: RunInfo): string | null {
  if (state.kind !== 'run' || state.parked === null || parkedAt === null || closedAt !== null) return null;
  switch (state.parked.cause) {
    case 'gate':
      return null;
    case 'budget': {
      if (fold.capSetAt > parkedAt) return 'a cap was set';
      const open = state.stages.filter((stage) => stage.outcome === null);
      const waits = open.some(({ attempt }) => fold.attempts.get(attempt)?.paused != null);
      return open.length > 0 && !waits ? 'its budget has room again' : null;
    }
  }
}

/** The steps that a run of the merge queue may have to wait with. */
const TAKES_TURNS = new Set<Todo['do']>(['line-up', 'open-stage', 'ask-gate', 'merge']);
const isMerge = (due: readonly Todo[]): boolean => due.some((step) => step.do === 'merge');

/** The runs of a repository that waited in its merge queue and need not any more. */
export function movesOn(fold: Fold, repo: RepoName, now: number): RunId[] {
  const queue = fold.queue(repo);
  // Who is over is not at hand: taken to be merged as whoever stands on it was made. It is only looked at once too often then.
  const runs = (id: RunId) => {
    const commit = queue.find(({ run }) => run.queue?.behind === id)?.run.base.commit;
    return fold.run(id) ?? (commit && { merge: { kind: 'finished', commit } });
  };
  const moves: RunId[] = [];
  for (const { state, place, closedAt } of fold.runs.values()) {
    if (closedAt !== null || state.kind !== 'run' || state.repo !== repo || state.merge !== null) continue;
    if (state.change === null) continue;
    const me: Queued = { run: state, place: place ?? Number.POSITIVE_INFINITY };
    const due = todo(state, now);
    if (!due.some(({ do: step }) => TAKES_TURNS.has(step))) continue;
    const turn = state.queue === null ? 'stale' : turnOf(me, queue, runs);
    const waits =
      turn === 'stale' ? lineUp(me, queue, runs).kind === 'wait' : turn === 'wait' && isMerge(due);
    if (!waits) moves.push(state.id);
  }
  return moves;
}
