import type { Clock, DeployConfig, ReleaseId } from '@millwright/domain';
import { type Judgement, judge, type Seen } from './judge.ts';
import type { Counters, Target } from './target.ts';

/** Between two looks. A bad release is seen after the third look at the latest: 3 failed probes, or 3 errors. */
const LOOK_MS = 150;
const PROBE_MS = 1_000;
/** An inconclusive bake goes on for this many times its length before the step is given up. */
const MAX_BAKES = 3;

type Base = { counters: ReadonlyMap<ReleaseId, Counters> | null; restarts: ReadonlyMap<ReleaseId, number> };

async function look(target: Target): Promise<Base> {
  const [counters, state] = await Promise.all([target.counters(), target.state()]);
  const restarts = state.releases.map(
    ({ id, replicas }) => [id, replicas.reduce((sum, each) => sum + each.restarts, 0)] as const,
  );
  return { counters, restarts: new Map(restarts) };
}

/** Counters begin anew when HAProxy restarts: what is lower than before counts from zero. */
const since = (now: number, before: number) => (now >= before ? now - before : now);

function seenOf(release: ReleaseId, now: Base, before: Base, probes: readonly boolean[]): Seen {
  const [fresh, base] = [now.counters?.get(release), before.counters?.get(release)];
  return {
    counters:
      fresh === undefined
        ? null
        : {
            requests: since(fresh.requests, base?.requests ?? 0),
            errors: since(fresh.errors, base?.errors ?? 0),
          },
    restarts: since(now.restarts.get(release) ?? 0, before.restarts.get(release) ?? 0),
    probes,
  };
}

/**
 * Watches a release at its present weight for `bakeMs`, against the old one in the same window: ends early when it degrades, and
 * late (three bakes at most) when it cannot tell. Throws the signal's reason when aborted.
 */
export async function bake(
  target: Target,
  watched: { release: ReleaseId; old: ReleaseId | null },
  config: DeployConfig,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Judgement & { ms: number }> {
  const start = clock.now();
  const before = await look(target);
  const probes: boolean[] = [];
  for (;;) {
    signal?.throwIfAborted();
    await clock.sleep(LOOK_MS, signal);
    const [now, answers] = await Promise.all([look(target), target.probe(watched.release, PROBE_MS)]);
    probes.push(answers.length > 0 && answers.every((each) => each.ok));
    const old = watched.old === null ? null : seenOf(watched.old, now, before, []);
    const judgement = judge(seenOf(watched.release, now, before, probes), old, config.rollbackWhen);
    const ms = clock.now() - start;
    if (judgement.kind === 'degraded') return { ...judgement, ms };
    if (ms >= config.canary.bake && judgement.kind === 'healthy') return { ...judgement, ms };
    if (ms >= Math.max(config.canary.bake * MAX_BAKES, LOOK_MS * 10)) return { ...judgement, ms };
  }
}

/**
 * Waits until every replica answered well twice in a row. Gives up at once when the start command does not exist (126, 127) or
 * the container keeps ending, else after `withinMs`.
 */
export async function awaitHealthy(
  target: Target,
  release: ReleaseId,
  withinMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<{ kind: 'healthy'; ms: number } | { kind: 'never_healthy'; reason: string }> {
  const start = clock.now();
  let well = 0;
  let last = 'it never answered';
  for (;;) {
    signal?.throwIfAborted();
    const answers = await target.probe(release, Math.min(2_000, withinMs));
    well = answers.length > 0 && answers.every((each) => each.ok) ? well + 1 : 0;
    if (well >= 2) return { kind: 'healthy', ms: clock.now() - start };
    const bad = answers.find((each) => !each.ok);
    if (bad !== undefined) last = bad.text;
    if (well === 0) {
      const replicas = (await target.state()).releases.find((each) => each.id === release)?.replicas ?? [];
      const dead = replicas.find(
        ({ exitCode, restarts }) =>
          exitCode === 126 || exitCode === 127 || (exitCode !== null && restarts >= 3),
      );
      if (dead?.exitCode === 126 || dead?.exitCode === 127)
        return {
          kind: 'never_healthy',
          reason: `the start command cannot be run (exit code ${dead.exitCode})`,
        };
      if (dead !== undefined)
        return {
          kind: 'never_healthy',
          reason: `it ended ${dead.restarts + 1} times, exit code ${dead.exitCode}`,
        };
    }
    const ms = clock.now() - start;
    if (ms >= withinMs) return { kind: 'never_healthy', reason: `not healthy in ${withinMs} ms: ${last}` };
    await clock.sleep(Math.min(50, withinMs), signal);
  }
}
