import type { Point } from './trap.ts';

// Every type of entry that a thin run appends, by who is killed after it. In a run that ends well:

export const ORCHESTRATORS = [
  'ticket.filed',
  'ticket.run-opened',
  'run.opened',
  'gate.asked',
  'gate.decided',
  'stage.opened',
  'attempt.opened',
  'stage.closed',
  'plan.accepted',
  'task.changed',
  'task.reviewed',
  'task.integrated',
  'change.composed',
  'checks.written',
  'change.tested',
  'change.queued',
  'merge.started',
  'merge.finished',
  'change.attested',
  'release.built',
  'release.rehearsed',
  'deploy.started',
  'canary.started',
  'canary.shifted',
  'target.effect-started',
  'target.effect-finished',
  'target.judged',
  'target.released',
  'deploy.finished',
  'release.attested',
  'run.closed',
  'ticket.closed',
] as const;

export const RUNNERS = [
  'attempt.claimed',
  'attempt.sandboxed',
  'turn.asked',
  'turn.recorded',
  'attempt.closed',
] as const;

/** What a run that is rolled back, since its release does not run, appends besides and in another order. */
export const UNDOING = [
  'target.effect-started',
  'target.effect-finished',
  'autonomy.dropped',
  'release.rehearsed',
  'revert.started',
  'revert.finished',
  'ticket.reopened',
] as const;

/** The entries that record an effect outside of the trail: killed before them, the effect has happened and nobody wrote it down. */
export const RECORDS_OF_EFFECTS = ['merge.finished', 'target.effect-finished', 'deploy.finished'] as const;

export const after = (victim: Point['victim'], ...types: readonly string[]): Point[] =>
  types.map((type) => ({ type, victim, moment: 'after' }));
export const before = (victim: Point['victim'], ...types: readonly string[]): Point[] =>
  types.map((type) => ({ type, victim, moment: 'before' }));

/** Cuts a list so that no part has more than `size`, spread: neighbours on the trail are killed in different runs. */
export const spread = <T>(all: readonly T[], size: number): T[][] => {
  const parts = Math.ceil(all.length / size);
  return Array.from({ length: parts }, (_, part) => all.filter((_one, index) => index % parts === part));
};

/**
 * Groups kills for runs: at most `size` of either process in one, no two at the same entry, and neighbours on the trail in different runs
 * where there is more than one. With a `size` of 1 every kill has a run of its own.
 */
export function grouped(points: readonly Point[], size: number): Point[][] {
  if (size === 1) return points.map((point) => [point]);
  const count = (victim: Point['victim']) => points.filter((point) => point.victim === victim).length;
  const runs = Array.from(
    { length: Math.ceil(Math.max(count('orchestrator'), count('runner')) / size) },
    (): Point[] => [],
  );
  const fits = (point: Point) => (run: readonly Point[]) =>
    run.filter(({ victim }) => victim === point.victim).length < size &&
    !run.some(({ type, skip }) => type === point.type && skip === point.skip);
  points.forEach((point, index) => {
    const from = index % runs.length;
    const run = [...runs.slice(from), ...runs.slice(0, from)].find(fits(point));
    if (run === undefined) runs.push([point]);
    else run.push(point);
  });
  return runs;
}
