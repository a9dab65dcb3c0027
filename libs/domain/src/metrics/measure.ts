import type { TicketKind } from '../artifacts.ts';
import type { Instant, ReleaseId } from '../ids.ts';
import type { DeployFact, Facts, RunFact, Span } from './facts.ts';

// How the factory does, over a period. Each figure says of how many it is; of none it is null, and never zero. Definitions are docs/metrics.md's.

/** Nearest rank, of `n` values in milliseconds. */
export type Quantiles = { n: number; p50: number | null; p90: number | null };
/** `n` among `of`. */
export type Rate = { n: number; of: number; rate: number | null };

type StageTime = {
  stage: string;
  /** How often it was gone through. */
  n: number;
  waitingMs: number;
  workingMs: number;
  waiting: Quantiles;
  working: Quantiles;
};
type KindFigures = {
  kind: TicketKind;
  ended: number;
  done: number;
  usd: number;
  /** All that was spent on this kind, on each that was done. */
  usdPerDone: number | null;
  lead: Quantiles;
};
export type Metrics = {
  from: Instant;
  to: Instant;
  deployments: { n: number; perDay: number };
  changeLead: Quantiles;
  changeFailure: Rate;
  recovery: Quantiles;
  rework: Rate;
  autonomy: Rate;
  selfHealing: Rate;
  kinds: KindFigures[];
  stages: StageTime[];
  /** The stage that took the most time in all, and what of it was most. */
  bottleneck: { stage: string; mostly: 'waiting' | 'working'; share: number } | null;
};

const DAY_MS = 86_400_000;

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;
  return { n: sorted.length, p50: at(0.5), p90: at(0.9) };
}

const rate = (n: number, of: number): Rate => ({ n, of, rate: of === 0 ? null : n / of });
const lasts = ({ from, to }: Span): number => Math.max(0, to - from);
const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);

/** How much of a span is in none of the others. */
export function without(span: Span, others: readonly Span[]): number {
  let [left, reached] = [lasts(span), span.from];
  for (const { from, to } of [...others].sort((a, b) => a.from - b.from)) {
    const start = Math.max(from, reached);
    const end = Math.min(to, span.to);
    if (end > start) left -= end - start;
    reached = Math.max(reached, end);
  }
  return left;
}

/** `facts`: of every run that ended or merged in the period, and of what serves, in it and since. */
export function measure(facts: Facts, { from, to }: Span): Metrics {
  const within = (at: Instant | null | undefined): boolean => typeof at === 'number' && at >= from && at < to;
  const runs = [...facts.runs.values()];
  const took = takenBack(facts);
  const ended = runs.filter(({ closed }) => within(closed?.at));

  const shipped = runs.flatMap((run) => [
    ...run.outcomes
      .filter(({ result, at }) => result === 'promoted' && within(at))
      .map(({ at, position }) => ({ run, at, position })),
    // What nothing is deployed of is with its users when it is merged.
    ...(run.deploys || run.merged === null || !within(run.merged.at) ? [] : [{ run, ...run.merged }]),
  ]);
  const outcomes = runs.flatMap((run) => run.outcomes.filter(({ at }) => within(at)));
  const failed = outcomes.filter(({ release, result }) => result !== 'promoted' || took.has(release));
  const stages = stageTimes(ended);
  const total = sum(stages.map(({ waitingMs, workingMs }) => waitingMs + workingMs));
  const [most] = stages;
  const heals = facts.healed.filter(({ at }) => within(at));
  return {
    from,
    to,
    deployments: {
      n: shipped.length,
      perDay: to > from ? (shipped.length * DAY_MS) / (to - from) : 0,
    },
    changeLead: quantiles(
      shipped.flatMap(({ run, at }) => (run.changedAt === null ? [] : [at - run.changedAt])),
    ),
    changeFailure: rate(failed.length, outcomes.length),
    recovery: quantiles(failed.flatMap((one) => recoveryOf(facts, took, one))),
    rework: rate(
      shipped.filter(({ run, position }) => isRework(facts, run, position)).length,
      shipped.length,
    ),
    autonomy: rate(ended.filter((run) => isAutonomous(facts, took, run)).length, ended.length),
    selfHealing: rate(heals.filter(({ ok }) => ok).length, heals.length),
    kinds: kindFigures(facts, ended),
    stages,
    bottleneck:
      most === undefined || total === 0
        ? null
        : {
            stage: most.stage,
            mostly: most.waitingMs >= most.workingMs ? 'waiting' : 'working',
            share: (most.waitingMs + most.workingMs) / total,
          },
  };
}

/** By release: the rollback that left it, or null where an incident names it and nobody went back. */
type Taken = ReadonlyMap<ReleaseId, Facts['released'][number] | null>;

/** What came to serve and did not stay. A rollback leaves everything that came after what it goes to. */
export function takenBack({ released, incidents }: Facts): Taken {
  const took = new Map<ReleaseId, Facts['released'][number] | null>();
  for (const { release } of incidents) if (release !== null) took.set(release, null);
  const serving = new Map<string, ReleaseId[]>();
  for (const one of released) {
    const history = serving.get(one.repo) ?? [];
    serving.set(one.repo, history);
    if (one.by === 'deploy') {
      history.push(one.release);
      continue;
    }
    const left = history.splice(history.lastIndexOf(one.release) + 1);
    for (const release of [...left, ...(one.previous === null ? [] : [one.previous])])
      if (!took.get(release)) took.set(release, one);
  }
  return took;
}

/** From when users met what failed, or it was known to, to when they were back; nothing where the trail does not say. */
function recoveryOf({ rollbacksAsked, incidents }: Facts, took: Taken, deploy: DeployFact): number[] {
  if (deploy.result !== 'promoted') return deploy.startedAt === null ? [] : [deploy.at - deploy.startedAt];
  const back = took.get(deploy.release);
  if (!back) return [];
  const known = [
    ...incidents.filter(({ release }) => release === deploy.release).map(({ startedAt }) => startedAt),
    ...rollbacksAsked.filter(({ repo }) => repo === back.repo).map(({ at }) => at),
  ].filter((at) => at >= deploy.at && at <= back.at);
  return known.length === 0 ? [] : [back.at - Math.min(...known)];
}

/** It answers an incident, or its ticket had shipped before and was opened again. */
function isRework({ tickets }: Facts, { ticket }: RunFact, position: number): boolean {
  const of = tickets.get(ticket);
  return of !== undefined && (of.kind === 'incident' || of.reopened.some((at) => at < position));
}

/** Done without any person's act, and all of it stayed until now. */
function isAutonomous({ tickets }: Facts, took: Taken, run: RunFact): boolean {
  if (run.closed?.end !== 'done' || run.people > 0 || run.reverted) return false;
  const { position } = run.closed;
  const reopened = tickets.get(run.ticket)?.reopened.some((at) => at > position) ?? false;
  return !reopened && !run.outcomes.some(({ release }) => took.has(release));
}

function kindFigures({ tickets }: Facts, ended: readonly RunFact[]): KindFigures[] {
  const by = Map.groupBy(ended, ({ ticket }) => tickets.get(ticket)?.kind);
  return [...by]
    .flatMap(([kind, runs]) => {
      if (kind === undefined) return [];
      const done = runs.filter(({ closed }) => closed?.end === 'done');
      const usd = sum(runs.map(({ closed }) => closed?.usd ?? 0));
      const leads = done.flatMap(({ ticket, closed }) => {
        const filedAt = tickets.get(ticket)?.filedAt;
        return filedAt === undefined || closed === null ? [] : [closed.at - filedAt];
      });
      return [
        {
          ...{ kind, usd, ended: runs.length, done: done.length, lead: quantiles(leads) },
          usdPerDone: done.length === 0 ? null : usd / done.length,
        },
      ];
    })
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

/** Each stage's waiting and working, of runs that ended; the one that took most first. Stages side by side count each. */
function stageTimes(ended: readonly RunFact[]): StageTime[] {
  const times = new Map<string, { waiting: number[]; working: number[] }>();
  const add = (stage: string, waiting: number | null, working: number | null) => {
    const of = times.get(stage) ?? { waiting: [], working: [] };
    if (waiting !== null) of.waiting.push(waiting);
    if (working !== null) of.working.push(working);
    times.set(stage, of);
  };
  for (const run of ended) {
    for (const { role, from, to, claimedAt } of run.stages)
      add(
        role,
        Math.max(0, (claimedAt ?? to) - from),
        claimedAt === null ? null : Math.max(0, to - claimedAt),
      );
    for (const { action, ...span } of run.gates) add(`${action} gate`, lasts(span), null);
    for (const span of run.asked) add('question', lasts(span), null);
    for (const span of run.parked) add('parked', lasts(span), null);
    // What is done while it stands in the queue is told by itself.
    for (const span of run.queued)
      add('merge queue', without(span, [...run.stages, ...run.gates, ...run.parked]), null);
    for (const { startedAt, at } of run.outcomes) if (startedAt !== null) add('canary', null, at - startedAt);
  }
  const total = ({ waitingMs, workingMs }: StageTime) => waitingMs + workingMs;
  return [...times]
    .map(([stage, { waiting, working }]) => ({
      stage,
      n: Math.max(waiting.length, working.length),
      waitingMs: sum(waiting),
      workingMs: sum(working),
      waiting: quantiles(waiting),
      working: quantiles(working),
    }))
    .sort((a, b) => total(b) - total(a) || (a.stage < b.stage ? -1 : 1));
}
