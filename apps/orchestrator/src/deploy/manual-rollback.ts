import type { Actor, ReleaseId, RepoName } from '@millwright/domain';
import type { Factory } from '../drive/factory.ts';
import { revertMerge } from '../drive/steps/revert.ts';

export type Plan =
  | { kind: 'plan'; repo: RepoName; from: ReleaseId; to: ReleaseId; text: string }
  | { kind: 'none'; reason: string };

/** What a rollback would do: to the named release, else to the newest one before the live one that was not itself rolled back. */
export function planRollback(
  factory: Factory,
  repo: RepoName | undefined,
  release: ReleaseId | undefined,
): Plan {
  const { world } = factory;
  const named = release === undefined ? undefined : world.releases.get(release);
  if (release !== undefined && !named) return { kind: 'none', reason: `there is no release ${release}` };
  const deployed = [...world.targets].filter(([, target]) => target.live !== null).map(([name]) => name);
  const name = named?.repo ?? repo ?? (deployed.length === 1 ? deployed[0] : undefined);
  if (name === undefined)
    return {
      kind: 'none',
      reason:
        deployed.length === 0 ? 'nothing is deployed' : `say which: --repo ${deployed.join(' or --repo ')}`,
    };
  const target = world.target(name);
  if (target.live === null) return { kind: 'none', reason: `nothing of ${name} is deployed` };
  // What a rollback left is not gone back to, nor what was deployed after the live one.
  const left = new Set(target.history.filter((one) => one.by === 'rollback').map((one) => one.previous));
  const deploys = target.history.filter((one) => one.by === 'deploy').map((one) => one.release);
  const before = deploys.slice(0, deploys.lastIndexOf(target.live));
  const to = release ?? before.findLast((id) => id !== target.live && !left.has(id));
  if (to === undefined) return { kind: 'none', reason: `${name} has had no release before ${target.live}` };
  if (to === target.live) return { kind: 'none', reason: `${to} is live already` };
  if (!target.history.some((one) => one.release === to))
    return { kind: 'none', reason: `${to} never served, so it is not known to be good` };
  return {
    kind: 'plan',
    repo: name,
    from: target.live,
    to,
    text: `traffic of ${name} goes from ${target.live} to ${to}; then the merge behind ${target.live} is reverted by a new commit`,
  };
}

export type Done =
  | { kind: 'done'; ms: number; text: string; revert: string | null }
  | { kind: 'failed'; reason: string };

/** Traffic first, then the merge revert. The release that was left counts as rolled back from then on. */
export async function rollBack(
  factory: Factory,
  plan: Extract<Plan, { kind: 'plan' }>,
  reason: string,
  by: Actor,
): Promise<Done> {
  const started = factory.clock.now();
  const result = await factory.deploys.run(plan.repo, () =>
    factory.deployments.rollback(
      plan.repo,
      plan.to,
      factory.world.target(plan.repo).fence + 1,
      `${by}: ${reason}`,
    ),
  );
  if (result.kind === 'fenced')
    return { kind: 'failed', reason: `a later deploy (fence ${result.by}) has the target` };
  if (result.kind !== 'switched') return { kind: 'failed', reason: `${result.reason}\n${result.evidence}` };
  await factory.world.reached(await factory.trail.head());
  const run = factory.world.releases.get(plan.from)?.run;
  const merge = run ? factory.world.run(run)?.merge : undefined;
  const reverted =
    merge?.kind === 'finished'
      ? await revertMerge(factory, plan.repo, merge.commit, `Millwright-Rollback: ${plan.from}`)
      : null;
  const text = `${plan.to} serves ${plan.repo} again${reverted ? `; ${reverted.commit ? `${merge?.kind === 'finished' ? merge.commit.slice(0, 10) : ''} reverted by ${reverted.commit.slice(0, 10)}` : reverted.reason}` : ''}`;
  return { kind: 'done', ms: factory.clock.now() - started, text, revert: reverted?.commit ?? null };
}
