import type { Clock, ReleaseId } from '@millwright/domain';
import { elapsed } from '../elapsed.ts';
import type { Target } from '../targets/target.ts';

/** Between two looks. One costs the engine two or three short calls; most services listen 50 to 200 ms after their start. */
const LOOK_MS = 20;

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
  const since = elapsed(clock);
  let well = 0;
  let last = 'it never answered';
  // Between two tries of the engine the container runs for a moment, or its exit code is not told: what was seen once is kept.
  let unrunnable: number | null = null;
  for (;;) {
    signal?.throwIfAborted();
    const answers = await target.probe(release, Math.min(2_000, withinMs));
    well = answers.length > 0 && answers.every((each) => each.ok) ? well + 1 : 0;
    if (well >= 2) return { kind: 'healthy', ms: since() };
    const bad = answers.find((each) => !each.ok);
    if (bad !== undefined) last = bad.text;
    if (well === 0) {
      const replicas = (await target.state()).releases.find((each) => each.id === release)?.replicas ?? [];
      const dead = replicas.find(({ exitCode, restarts }) => exitCode !== null && restarts >= 3);
      unrunnable ??= replicas.find(({ exitCode }) => exitCode === 126 || exitCode === 127)?.exitCode ?? null;
      if (unrunnable !== null)
        return { kind: 'never_healthy', reason: `the start command cannot be run (exit code ${unrunnable})` };
      if (dead !== undefined)
        return {
          kind: 'never_healthy',
          reason: `it ended ${dead.restarts + 1} times, exit code ${dead.exitCode}`,
        };
    }
    const ms = since();
    if (ms >= withinMs) return { kind: 'never_healthy', reason: `not healthy in ${withinMs} ms: ${last}` };
    await clock.sleep(Math.min(LOOK_MS, withinMs), signal);
  }
}
