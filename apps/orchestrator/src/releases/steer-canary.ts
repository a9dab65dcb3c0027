import type { CanaryAnswer, ProblemDetails } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  type Actor,
  type Canary,
  type EntryOf,
  type PersonId,
  type RepoName,
  type Run,
  type RunId,
  terminal,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { factsFor } from '../gates/facts.ts';
import { decide } from '../gates/judge.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import { reasonOf } from '../streams/forward.ts';
import type { Lanes } from '../streams/lanes.ts';
import type { World } from '../views/world.ts';
import type { Deployments } from './deployments.ts';
import { deployOf } from './forward-deploy.ts';
import { targetNow } from './manual-rollback.ts';
import type { Pager } from './pager.ts';
import { NotRecorded } from './target-journal.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: Lanes<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: Lanes<RepoName>;
  modelKey: boolean | null;
  pager: Pager;
  repositories: Repositories;
  secrets: Secrets;
  store: Store;
  trail: OpenTrail;
  world: World;
};

// A person's word on the canary of a target: to wait, to go on sooner, to go back. What was said is on the trail before anything happens.

/** How long an answer waits for what was asked to be done. Milliseconds. */
const ANSWER_MS = 10_000;

const STATUS: ProblemDetails = { acts: [{ act: 'show-targets' }] };

/** There is none, or it cannot be steered so now; `next` is what can be done. */
export class NoCanary extends Error {
  readonly next: ProblemDetails;
  constructor(message: string, next: ProblemDetails) {
    super(message);
    this.next = next;
  }
}

async function canaryOf(factory: Ports, repo: RepoName): Promise<Canary> {
  const { canary, live } = await targetNow(factory, repo);
  if (canary === null)
    throw new NoCanary(`no canary of ${repo} is under way`, {
      acts: [
        live === null ? { act: 'list-releases' } : { act: 'roll-back', to: 'to go back from what is live' },
      ],
    });
  return canary;
}

/** One that is at work in this process. */
async function atWork(factory: Ports, repo: RepoName) {
  const canary = await canaryOf(factory, repo);
  const work = factory.deployments.canary(repo);
  if (canary.held !== null || work === null || work.release !== canary.release)
    throw new NoCanary(
      `the canary ${canary.release} has no traffic now: ${canary.held ?? 'it is about to begin'}`,
      STATUS,
    );
  return { canary, work };
}

const say = (
  factory: Ports,
  repo: RepoName,
  who: Actor,
  { release, fence }: Canary,
  said: Pick<EntryOf<'canary.asked'>['data'], 'ask' | 'until' | 'reason'>,
) =>
  factory.deployments
    .note(repo, { type: 'canary.asked', data: { release, fence, ...said } }, who)
    .catch((error: unknown) => {
      if (!(error instanceof NotRecorded)) throw error;
      throw new NoCanary(error.message, STATUS);
    });

/** Its present step does not end well before `ms` have passed; a release that degrades goes back all the same. 0 ends a pause. */
export async function pauseCanary(
  factory: Ports,
  repo: RepoName,
  who: Actor,
  reason: string,
  ms: number,
): Promise<CanaryAnswer> {
  const { canary, work } = await atWork(factory, repo);
  const until = factory.clock.now() + ms;
  const before = work.pausedUntil;
  // It stands from now on, not from when that is written: its step may end meanwhile.
  if (ms > 0) work.pause(until);
  try {
    await say(factory, repo, who, canary, { ask: 'pause', until, reason });
  } catch (error) {
    work.pause(before);
    throw error;
  }
  work.pause(until);
  const percent = (await targetNow(factory, repo)).canary?.percent ?? canary.percent;
  const text =
    ms === 0
      ? `${canary.release} is not paused any more: it goes on from ${percent} % of traffic`
      : `${canary.release} stays at ${percent} % of traffic until ${new Date(until).toISOString()}, unless it degrades`;
  return { repo, release: canary.release, live: canary.live, state: 'paused', text };
}

/** Its present bake ends now. Judged as its deploy is, by the facts of now, for a person who did not ask for it. */
export async function promoteCanary(
  factory: Ports,
  repo: RepoName,
  who: Actor,
  reason: string,
): Promise<CanaryAnswer> {
  const { canary, work } = await atWork(factory, repo);
  const run = runOf(factory, canary);
  if (run === null || run.deploy?.kind !== 'started')
    throw new NoCanary(`${canary.release} is brought out again by an undo, and is not hurried`, STATUS);
  if ((run.author as string) === who)
    throw new NoCanary('the requester cannot end the watch of their own change', {
      hint: 'ask another approver',
    });
  const stop = await factory.forward.stopped(deployOf(repo));
  if (stop !== null) throw new NoCanary(reasonOf(stop), STATUS);
  const gate = run.gates.findLast((one) => one.action === 'deploy');
  if (!gate) throw terminal('no-such-gate', `the deploy of ${canary.release} was not judged`);
  const at = factory.clock.now();
  const approvals = [...new Set([...gate.approvals, who as string as PersonId])].map((person) => ({
    person,
    at,
  }));
  const facts = await factsFor(factory, run, 'deploy', gate.subject, { approvals, expiresAt: at + 1 });
  const decided = await decide(factory, run, facts);
  if (decided.decision !== 'allow')
    throw new NoCanary(`the deploy gate would not let it out now: ${decided.reason}`, STATUS);
  await say(factory, repo, who, canary, { ask: 'promote', until: null, reason });
  work.promote();
  const text = `the bake of ${canary.release} at ${canary.percent} % ends now`;
  return { repo, release: canary.release, live: canary.live, state: 'promoting', text };
}

/** Traffic back, for good; its run reverts its merge. Waits for no gate, halt or freeze. */
export async function abortCanary(
  factory: Ports,
  driver: { drive(run: RunId): void },
  repo: RepoName,
  who: Actor,
  reason: string,
): Promise<CanaryAnswer> {
  const canary = await canaryOf(factory, repo);
  await say(factory, repo, who, canary, { ask: 'abort', until: null, reason });
  const work = factory.deployments.canary(repo);
  if (work?.release === canary.release) work.takeBack(`${who} aborted it: ${reason}`);
  const run = runOf(factory, canary);
  // One that is held, or whose factory died, is taken back by whoever goes on with it.
  if (run !== null) driver.drive(run.id);
  const { release, live } = canary;
  for (const end = Date.now() + ANSWER_MS; Date.now() < end; ) {
    const now = await targetNow(factory, repo);
    if (now.canary?.release !== release) {
      const serves = now.live === null ? 'nobody serves, as before' : `${now.live} serves ${repo} alone`;
      const text =
        now.live === release
          ? `${release} had come to serve already; to go back from it: ./millwright rollback`
          : `${release} was taken back: ${serves}; its run reverts its merge`;
      return { repo, release, live: now.live, state: 'taken_back', text };
    }
    await factory.clock.sleep(25);
  }
  return { repo, release, live, state: 'under_way', text: `${release} is being taken back` };
}

const runOf = ({ world }: Ports, { release }: Canary): Run | null => {
  const info = world.releases.get(release);
  return (info && world.run(info.run)) ?? null;
};
