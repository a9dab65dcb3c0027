import {
  type Actor,
  previousGood,
  type ReleaseId,
  type RepoName,
  type RollbackPlan,
} from '@millwright/domain';
import type { Factory } from '../drive/factory.ts';
import { changesBetween } from './changes.ts';
import { freezeStuck } from './freeze.ts';
import { revertBehind } from './revert-behind.ts';

export type Plan =
  | { kind: 'plan'; repo: RepoName; from: ReleaseId; to: ReleaseId }
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
  const to = release ?? previousGood(target);
  if (to === null) return { kind: 'none', reason: `${name} has had no release before ${target.live}` };
  if (to === target.live) return { kind: 'none', reason: `${to} is live already` };
  if (!target.history.some((one) => one.release === to))
    return { kind: 'none', reason: `${to} never served, so it is not known to be good` };
  return { kind: 'plan', repo: name, from: target.live, to };
}

/** Null, or why the release cannot be gone back to any more: found out before anything is touched. */
export const cannotGoTo = (factory: Factory, { repo, to }: Extract<Plan, { kind: 'plan' }>) =>
  factory.deployments.unavailable(repo, to);

/** What it would change, for people to read first. Touches nothing. */
export async function describe(
  factory: Factory,
  { repo, from, to }: Extract<Plan, { kind: 'plan' }>,
): Promise<RollbackPlan> {
  const [changes, health] = await Promise.all([
    changesBetween(factory, from, to),
    factory.deployments.health(repo, to),
  ]);
  const start =
    health === 'runs' ? `${to} runs still: it is a shift` : `${to} is started from its image first`;
  const halves =
    factory.world.target(repo).frozen === null ? [] : ['the target is frozen: going back goes on'];
  return { ...changes, traffic: [`all of it from ${from} to ${to}`, start, ...halves] };
}

export type Done =
  | { kind: 'done'; ms: number; text: string; revert: string | null }
  | { kind: 'failed'; reason: string; what: string | null };

/** Traffic first, then the merge revert. The release that was left counts as rolled back from then on. */
export async function rollBack(
  factory: Factory,
  plan: Extract<Plan, { kind: 'plan' }>,
  reason: string,
  by: Actor,
): Promise<Done> {
  const started = factory.clock.now();
  const { repo, to } = plan;
  const result = await factory.deploys.run(
    repo,
    () => factory.deployments.rollback(repo, to, factory.world.target(repo).fence + 1, `${by}: ${reason}`),
    { hurries: true },
  );
  if (result.kind === 'fenced')
    return { kind: 'failed', reason: `a later deploy (fence ${result.by}) has the target`, what: null };
  if (result.kind !== 'switched') {
    if (result.stuck) await freezeStuck(factory, repo, to, result.stuck);
    return {
      kind: 'failed',
      reason: `${result.reason}\n${result.evidence}`,
      what: result.stuck?.what ?? null,
    };
  }
  // It serves, but not as it did before: a person looks, and nothing goes forward meanwhile.
  if (result.verified.kind === 'unverified')
    await freezeStuck(factory, repo, to, {
      kind: 'stuck',
      why: result.verified.reason,
      what: `1. see whether ${to} serves well: millwright rollback status\n2. then: millwright release thaw ${repo}`,
    });
  const done = await afterTraffic(factory, plan);
  return { kind: 'done', ms: factory.clock.now() - started, ...done };
}

/** The branch follows the traffic. What cannot be done to it now is said, and undoes nothing. */
async function afterTraffic(
  factory: Factory,
  { repo, from, to }: Extract<Plan, { kind: 'plan' }>,
): Promise<{ text: string; revert: string | null }> {
  const serves = `${to} serves ${repo} again`;
  const reverted = await revertBehind(factory, repo, from);
  if (reverted === null) return { text: serves, revert: null };
  const how =
    reverted.commit === null
      ? reverted.reason
      : `${reverted.merged.slice(0, 10)} reverted by ${reverted.commit.slice(0, 10)}`;
  return { text: `${serves}; ${how}`, revert: reverted.commit };
}
