import type { Act, RollbackPlan } from '@millwright/api';
import type { Clock } from '@millwright/domain';
import {
  type Actor,
  type Canary,
  candidates,
  leaves,
  leftBehind,
  previousGood,
  type ReleaseId,
  type RepoName,
  type TargetState,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import { orLast, type Register } from '../streams/register.ts';
import { changesBetween } from './changes-between.ts';
import type { Deployments } from './deployments.ts';
import { freezeStuck } from './freeze.ts';
import type { Pager } from './pager.ts';
import { revertMergeOf } from './revert-merge.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  log: Logger;
  merges: LocalLeases<RepoName>;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  store: Store;
};

type Going = {
  kind: 'plan';
  repo: RepoName;
  from: ReleaseId;
  to: ReleaseId;
  /** The releases that do not serve again by themselves after it, newest first. None where `to` is live: it is given back its traffic. */
  leaves: ReleaseId[];
  /** The release on its way to serve, which goes with it; null where there is none. */
  canary: Canary | null;
};
export type Plan =
  | Going
  /** A canary is under way: it is taken back, and what is live serves alone, untouched. */
  | { kind: 'abort'; repo: RepoName; canary: Canary; to: ReleaseId | null }
  /** What was to be left serves nobody any more, and is not on its way to: somebody else was faster. */
  | { kind: 'left'; repo: RepoName; from: ReleaseId; to: ReleaseId }
  | { kind: 'none'; reason: string; next: readonly Act[] };
export type Planned = Exclude<Plan, { kind: 'none' | 'left' }>;

const none = (reason: string, ...next: Act[]): Extract<Plan, { kind: 'none' }> => ({
  kind: 'none',
  reason,
  next: next.length > 0 ? next : [{ act: 'list-releases' }],
});

/** A target as its stream has it; with the trail away, as it was read last: going back needs nothing newer. */
export const targetNow = ({ forward }: Pick<Ports, 'forward'>, repo: RepoName): Promise<TargetState> =>
  orLast(forward.target(repo), () => forward.lastTarget(repo));

/** Which repository is meant, where a release or its name says so, or only one is deployed; else why none is. */
export async function repoOf(
  { forward, register }: Ports,
  repo: RepoName | undefined,
  release: ReleaseId | undefined,
): Promise<RepoName | Extract<Plan, { kind: 'none' }>> {
  const registered = await register.lookOrLast();
  const named = release === undefined ? undefined : registered.release(release);
  if (release !== undefined && !named) return none(`there is no release ${release}`);
  const targets = await Promise.all(
    registered.repositories().map(async (name) => [name, await targetNow({ forward }, name)] as const),
  );
  const deployed = targets
    .filter(([, target]) => target.live !== null || target.canary !== null)
    .map(([name]) => name);
  const name = named?.repo ?? repo ?? (deployed.length === 1 ? deployed[0] : undefined);
  if (name === undefined)
    return deployed.length === 0
      ? none('nothing is deployed')
      : none('more than one is deployed', { act: 'give', field: 'repo', values: deployed, to: 'say which' });
  return registered.repository(name) ? name : none(`there is no repository ${name}`, { act: 'list-repos' });
}

/**
 * What a rollback would do now: with a canary under way that is taken back, and nothing else; else it goes to the named release, or to the newest
 * good one before the live one. Forward is a deploy with its gate: what a rollback left is not gone to, by whatever name.
 */
export async function planRollback(
  factory: Ports,
  repo: RepoName | undefined,
  release: ReleaseId | undefined,
  from: ReleaseId | undefined,
): Promise<Plan> {
  const name = await repoOf(factory, repo, release ?? from);
  if (typeof name !== 'string') return name;
  return planOn(name, await targetNow(factory, name), release ?? null, from ?? null);
}

/** One that is held has no traffic, and begins anew: it is taken back only where somebody names it. */
const underWayOf = ({ canary }: TargetState, from: ReleaseId | null): Canary | null =>
  canary !== null && (canary.held === null || canary.release === from) ? canary : null;

/** Of one target, as it is when it is asked: pure. `from`: what is to be left, where no release is named. */
export function planOn(
  repo: RepoName,
  target: TargetState,
  release: ReleaseId | null,
  from: ReleaseId | null = null,
): Plan {
  const { live, canary } = target;
  const underWay = underWayOf(target, from);
  if (underWay !== null && release === underWay.release)
    return none(
      `${release} is the canary under way, at ${underWay.percent} % of traffic: a rollback never goes forward`,
      { act: 'abort-canary', repo, to: 'to take it back' },
      { act: 'promote-canary', repo, to: 'to end its bake' },
    );
  if (underWay !== null && (release === null || release === live))
    return { kind: 'abort', repo, canary: underWay, to: live };
  if (live === null) return none(`nothing of ${repo} is deployed`);
  if (release === null && from !== null && from !== live) return { kind: 'left', repo, from, to: live };
  const to = release ?? previousGood(target);
  if (to === null) return none(`${repo} has had no release before ${live}`);
  const plan = { kind: 'plan' as const, repo, from: live, to, canary };
  if (to === live) return { ...plan, leaves: [] };
  if (!target.history.some((one) => one.release === to))
    return none(`${to} never served, so it is not known to be good`, { act: 'show-targets' });
  if (!candidates(target).includes(to))
    return none(
      `${to} was left by a rollback: going to it is going forward, which is judged`,
      leftBehind(target) === to ? { act: 'undo-rollback' } : { act: 'show-release', id: to },
    );
  return { ...plan, leaves: leaves(target, to) };
}

/** Null, or why the release cannot be gone back to any more: found out before anything is touched. */
export const cannotGoTo = async (factory: Ports, plan: Planned): Promise<string | null> =>
  plan.kind === 'abort' ? null : factory.deployments.unavailable(plan.repo, plan.to);

/** What it would do, in a sentence. */
export function sentenceOf(plan: Planned): string {
  if (plan.kind === 'abort') {
    const after =
      plan.to === null ? 'nobody serves then, as before' : `all traffic goes to ${plan.to}, which is live`;
    return `the canary ${plan.canary.release} is taken back (it has ${plan.canary.percent} % of traffic): ${after}; its run reverts its own merge, and nothing else is touched`;
  }
  const { repo, from, to, leaves: left, canary } = plan;
  const also = canary === null ? '' : `; ${canary.release}, on its way to serve, is taken back`;
  return left.length === 0
    ? `${to} is what is recorded as live: it is started where it does not run, and given all traffic${also}`
    : `traffic of ${repo} goes from ${from} to ${to}; then the merge behind ${left.join(' and behind ')} is reverted by a new commit${also}`;
}

export const leftText = ({ repo, from, to }: Extract<Plan, { kind: 'left' }>): string =>
  `${from} does not serve ${repo} any more: ${to} does, and nothing else was done`;

/** What it would change beside what `sentenceOf` says, for people to read first. Touches nothing. */
export async function describe(factory: Ports, plan: Planned): Promise<RollbackPlan> {
  if (plan.kind === 'abort') {
    const { canary, to } = plan;
    const changes = to === null ? null : await changesBetween(factory, canary.release, to);
    const none = { code: [], schema: [], configuration: [] };
    return { ...(changes ?? none), traffic: [] };
  }
  const { repo, from, to, leaves: left } = plan;
  const [changes, health] = await Promise.all([
    changesBetween(factory, from, to),
    factory.deployments.health(repo, to),
  ]);
  const start =
    health === 'runs' ? `${to} runs still: it is a shift` : `${to} is started from its image first`;
  const { frozen } = await targetNow(factory, repo);
  const halves = frozen === null ? [] : ['the target is frozen: going back goes on'];
  const between = left
    .filter((id) => id !== from)
    .map((id) => `${id} is left as well, and does not ship again as it is`);
  return { ...changes, traffic: [start, ...between, ...halves] };
}

export type Done =
  | { kind: 'done'; from: ReleaseId; to: ReleaseId | null; ms: number; text: string; revert: string | null }
  | { kind: 'failed'; reason: string; what: string | null };

/** What is asked for. `to` null: where a rollback goes by itself; `from` null: it leaves what serves when it is asked, or is on its way to. */
export type Ask = {
  repo: RepoName;
  to: ReleaseId | null;
  from: ReleaseId | null;
  reason: string;
  by: Actor;
};

/**
 * Goes back. That it was asked for is recorded first; then whoever goes forward on the target is sent away, and only then, with nobody else at
 * work on it, it is planned what to do: with a canary under way when it was asked, that one is taken back, and what was live is not touched. What
 * somebody else has left meanwhile is not left again: two who ask at once do not go back twice.
 */
export async function rollBack(factory: Ports, { repo, to, from, reason, by }: Ask): Promise<Done> {
  const started = factory.clock.now();
  const target = await targetNow(factory, repo);
  const underWay = underWayOf(target, from)?.release ?? null;
  await factory.deployments.note(
    repo,
    { type: 'rollback.asked', data: { to, canary: underWay, reason: reason.slice(0, 4_000) } },
    by,
  );
  const why = `${by} asked for a rollback: ${reason}`;
  const done = await factory.deploys.run(
    repo,
    () => goBack(factory, { repo, to, from: from ?? underWay ?? target.live, reason, by }, underWay),
    {
      priority: new Error(why),
    },
  );
  if (done.kind === 'failed') return done;
  const after = await afterTraffic(factory, repo, done.leaves);
  const text = [done.text, ...after.said].join('; ');
  const { from: left, to: served } = done;
  return {
    kind: 'done',
    from: left,
    to: served,
    ms: factory.clock.now() - started,
    text,
    revert: after.revert,
  };
}

type Carried =
  | { kind: 'carried'; from: ReleaseId; to: ReleaseId | null; leaves: ReleaseId[]; text: string }
  | Extract<Done, { kind: 'failed' }>;

/** In the target's lease: whoever was at work has ended. */
async function goBack(
  factory: Ports,
  { repo, to, from: leaving, reason, by }: Ask,
  canary: ReleaseId | null,
): Promise<Carried> {
  const target = await targetNow(factory, repo);
  const { live } = target;
  if (canary !== null && (to === null || to === live) && live !== canary) {
    // Taken back by whoever had it, unless nobody had: then here.
    if (target.canary?.release === canary) {
      if (live === null) {
        await factory.deployments.takeBack(repo, target.canary, `${by} asked for a rollback: ${reason}`);
      } else {
        const failed = await goTo(factory, repo, live, `${by}: ${reason}`);
        if (failed !== null) return failed;
      }
    }
    const after = live === null ? 'nobody serves, as before' : `${live} serves ${repo} alone again`;
    const text = `the canary ${canary} was taken back: ${after}; its run reverts its merge`;
    return { kind: 'carried', from: canary, to: live, leaves: [], text };
  }
  const plan = planOn(repo, target, to, leaving);
  if (plan.kind === 'left')
    return { kind: 'carried', from: plan.from, to: plan.to, leaves: [], text: leftText(plan) };
  if (plan.kind === 'none') return { kind: 'failed', reason: plan.reason, what: null };
  const goal = plan.to;
  if (goal === null) return { kind: 'failed', reason: `nothing of ${repo} is deployed`, what: null };
  const failed = await goTo(factory, repo, goal, `${by}: ${reason}`);
  if (failed !== null) return failed;
  const [from, left] = plan.kind === 'abort' ? [plan.canary.release, []] : [plan.from, plan.leaves];
  return { kind: 'carried', from, to: goal, leaves: left, text: `${goal} serves ${repo} again` };
}

/** All traffic to a release that is or was good. Null when it is there; the release that was left counts as rolled back from then on. */
async function goTo(
  factory: Ports,
  repo: RepoName,
  to: ReleaseId,
  reason: string,
): Promise<Extract<Done, { kind: 'failed' }> | null> {
  const { fence } = await targetNow(factory, repo);
  const result = await factory.deployments.rollback(repo, to, fence + 1, reason);
  if (result.kind === 'fenced')
    return { kind: 'failed', reason: 'a later deploy or rollback has the target', what: null };
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
      what: `1. see whether ${to} serves well\n2. then thaw ${repo}`,
    });
  return null;
}

/** The branch follows the traffic, newest merge first. What cannot be done to it now is said, and undoes nothing. */
async function afterTraffic(
  factory: Ports,
  repo: RepoName,
  left: readonly ReleaseId[],
): Promise<{ said: string[]; revert: string | null }> {
  const said: string[] = [];
  let revert: string | null = null;
  for (const release of left) {
    const reverted = await revertMergeOf(factory, repo, release);
    if (reverted === null) continue;
    revert ??= reverted.commit;
    said.push(
      reverted.commit === null
        ? reverted.reason
        : `${reverted.merged.slice(0, 10)} reverted by ${reverted.commit.slice(0, 10)}`,
    );
  }
  return { said, revert };
}
