import {
  type Actor,
  candidates,
  leaves,
  leftBehind,
  previousGood,
  type ReleaseId,
  type RepoName,
  type RollbackPlan,
} from '@millwright/domain';
import type { Factory } from '../factory.ts';
import { changesBetween } from './changes-between.ts';
import { freezeStuck } from './freeze.ts';
import { revertMergeOf } from './revert-merge.ts';

export type Plan =
  /** `leaves`: the releases that do not serve again by themselves after it, newest first. None where `to` is live: it is given back its traffic. */
  | { kind: 'plan'; repo: RepoName; from: ReleaseId; to: ReleaseId; leaves: ReleaseId[] }
  | { kind: 'none'; reason: string; next: string };

/**
 * What a rollback would do: to the named release, else to the newest good one before the live one. Forward is a deploy with its gate: what a
 * rollback left is not gone to, by whatever name.
 */
export function planRollback(
  factory: Factory,
  repo: RepoName | undefined,
  release: ReleaseId | undefined,
): Plan {
  const { world } = factory;
  const none = (reason: string, next = './millwright release list'): Plan => ({ kind: 'none', reason, next });
  const named = release === undefined ? undefined : world.releases.get(release);
  if (release !== undefined && !named) return none(`there is no release ${release}`);
  const deployed = [...world.targets].filter(([, target]) => target.live !== null).map(([name]) => name);
  const name = named?.repo ?? repo ?? (deployed.length === 1 ? deployed[0] : undefined);
  if (name === undefined)
    return none(
      deployed.length === 0 ? 'nothing is deployed' : `say which: --repo ${deployed.join(' or --repo ')}`,
    );
  if (!world.repo(name)) return none(`there is no repository ${name}`, './millwright repo list');
  const target = world.target(name);
  const { live } = target;
  if (live === null) return none(`nothing of ${name} is deployed`);
  const to = release ?? previousGood(target);
  if (to === null) return none(`${name} has had no release before ${live}`);
  const plan = { kind: 'plan' as const, repo: name, from: live, to };
  if (to === live) return { ...plan, leaves: [] };
  if (!target.history.some((one) => one.release === to))
    return none(`${to} never served, so it is not known to be good`, './millwright rollback status');
  if (!candidates(target).includes(to))
    return none(
      `${to} was left by a rollback: going to it is going forward, which is judged`,
      leftBehind(target) === to ? './millwright rollback undo' : `./millwright release show ${to}`,
    );
  return { ...plan, leaves: leaves(target, to) };
}

/** Null, or why the release cannot be gone back to any more: found out before anything is touched. */
export const cannotGoTo = (factory: Factory, { repo, to }: Extract<Plan, { kind: 'plan' }>) =>
  factory.deployments.unavailable(repo, to);

/** What it would change, for people to read first. Touches nothing. */
export async function describe(
  factory: Factory,
  { repo, from, to, leaves }: Extract<Plan, { kind: 'plan' }>,
): Promise<RollbackPlan> {
  const [changes, health] = await Promise.all([
    changesBetween(factory, from, to),
    factory.deployments.health(repo, to),
  ]);
  const start =
    health === 'runs' ? `${to} runs still: it is a shift` : `${to} is started from its image first`;
  const halves =
    factory.world.target(repo).frozen === null ? [] : ['the target is frozen: going back goes on'];
  const between = leaves
    .filter((id) => id !== from)
    .map((id) => `${id} is left as well, and does not ship again as it is`);
  return { ...changes, traffic: [`all of it from ${from} to ${to}`, start, ...between, ...halves] };
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
    { priority: true },
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
      what: `1. see whether ${to} serves well: ./millwright rollback status\n2. then: ./millwright release thaw ${repo} --reason "…"`,
    });
  const done = await afterTraffic(factory, plan);
  return { kind: 'done', ms: factory.clock.now() - started, ...done };
}

/** The branch follows the traffic, newest merge first. What cannot be done to it now is said, and undoes nothing. */
async function afterTraffic(
  factory: Factory,
  { repo, to, leaves }: Extract<Plan, { kind: 'plan' }>,
): Promise<{ text: string; revert: string | null }> {
  const said: string[] = [];
  let revert: string | null = null;
  for (const left of leaves) {
    const reverted = await revertMergeOf(factory, repo, left);
    if (reverted === null) continue;
    revert ??= reverted.commit;
    said.push(
      reverted.commit === null
        ? reverted.reason
        : `${reverted.merged.slice(0, 10)} reverted by ${reverted.commit.slice(0, 10)}`,
    );
  }
  return { text: [`${to} serves ${repo} again`, ...said].join('; '), revert };
}
