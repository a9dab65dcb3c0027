import type { Clock, Quarantined } from '@millwright/domain';
import { getJson, Release, type Run, retryable } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { heldBy } from '../../gates/quarantine.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Register, Registered } from '../../streams/register.ts';
import type { StepResult } from '../step.ts';

type Ports = { clock: Clock; register: Register; repositories: Repositories; store: Store };

/** The revert of a rollback is not on the trail: it is waited for so long. Milliseconds. */
const REVERT_MS = 60_000;

/**
 * A change that was merged on top of what was rolled back meanwhile is not to blame: its release is built anew from the branch, once that has the
 * revert. Null where it holds nothing, or the branch holds it as well: then the gate says so.
 */
export async function outdated(factory: Ports, run: Run): Promise<StepResult> {
  if (!run.release || (run.rebuiltFrom?.times ?? 0) >= run.limits.rebases) return null;
  const { commit, tree } = await getJson(factory.store.artifacts, Release, run.release.artifact);
  const held = await heldBy(factory, run.repo, commit, null);
  if (held.length === 0) return null;
  const repo = await factory.repositories.open(run.repo);
  const head = await repo.fetch();
  if ('kind' in head) throw retryable('remote', `${repo.url}: ${head.reason}`);
  if (head.tree !== tree && (await repo.isAncestor(commit, head.commit))) {
    const still = await heldBy(factory, run.repo, head.commit, null);
    if (still.length === 0) {
      const reason = `it held ${held.map((one) => one.release).join(', ')}, which was rolled back`;
      return { type: 'release.outdated', data: { release: run.release.release, ...head, reason } };
    }
  }
  const registered = await factory.register.look();
  const bad = registered
    .quarantine(run.repo)
    .filter(({ commit: one }) => held.some((each) => each.commit === one));
  if (bad.some((one) => revertUnderWay(registered, one, factory.clock.now())))
    throw retryable('revert-awaited', `the revert of ${held[0]?.commit} is not on the branch yet`);
  return null;
}

/** A canary's revert is a step of its run; a rollback's follows it at once. */
function revertUnderWay(registered: Registered, { release, by, at }: Quarantined, now: number): boolean {
  return by === 'rollback' ? now - at < REVERT_MS : registered.runOf(release)?.closed === null;
}
