import type { CanaryAnswer, ErrorCode, ProblemDetails } from '@millwright/api';
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
import { factsFor } from '../gates/facts.ts';
import { ANOTHER_APPROVER, handOf } from '../gates/hands.ts';
import { decide } from '../gates/judge.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward, Stop } from '../streams/forward.ts';
import { liftOf, reasonOf } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Register } from '../streams/register.ts';
import { load } from '../streams/run-stream.ts';
import type { Streams } from '../streams/streams.ts';
import type { Deployments } from './deployments.ts';
import { deployOf } from './forward-deploy.ts';
import { targetNow } from './manual-rollback.ts';
import type { Pager } from './pager.ts';
import { NotRecorded } from './target-journal.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  forward: Forward;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

// A person's word on the canary of a target: to wait, to go on sooner, to go back. What was said is on the trail before anything happens.

/** How long an answer waits for what was asked to be done. Milliseconds. */
const ANSWER_MS = 10_000;

const STATUS: ProblemDetails = { acts: [{ act: 'show-targets' }] };

/** It is not steered so now; `next` is what can be done. */
export class NotSteered extends Error {
  readonly code: ErrorCode;
  readonly next: ProblemDetails;
  constructor(code: ErrorCode, message: string, next: ProblemDetails) {
    super(message);
    this.code = code;
    this.next = next;
  }
}

const noCanary = (message: string, next: ProblemDetails = STATUS) =>
  new NotSteered('no-canary', message, next);

/** What keeps its target from going forward is said by its own code, with what lifts it. */
const stoppedBy = (stop: Stop): NotSteered =>
  new NotSteered(stop.kind, reasonOf(stop), { acts: [liftOf(stop)] });

async function canaryOf(factory: Ports, repo: RepoName): Promise<Canary> {
  const { canary, live } = await targetNow(factory, repo);
  if (canary === null)
    throw noCanary(`no canary of ${repo} is under way`, {
      acts: [
        live === null ? { act: 'list-releases' } : { act: 'roll-back', to: 'to go back from what is live' },
      ],
    });
  return canary;
}

/** One that is at work in this process. */
async function atWork(factory: Ports, repo: RepoName) {
  const canary = await canaryOf(factory, repo);
  const stop = await factory.forward.stopped(deployOf(repo));
  if (stop !== null) throw stoppedBy(stop);
  const work = factory.deployments.canary(repo);
  if (canary.held !== null || work === null || work.release !== canary.release)
    throw noCanary(
      `the canary ${canary.release} has no traffic now: ${canary.held ?? 'it is about to begin'}`,
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
      throw noCanary(error.message);
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
  const now = factory.clock.now();
  const until = now + ms;
  const before = work.pausedUntil;
  const earlier = canary.paused !== null && canary.paused.until > now ? canary.paused : null;
  if (ms === 0 && earlier === null)
    throw new NotSteered('not-paused', `the canary ${canary.release} is not paused`, STATUS);
  // It stands from now on, not from when that is written: its step may end meanwhile.
  if (ms > 0) work.pause(until);
  try {
    await say(factory, repo, who, canary, { ask: 'pause', until: ms === 0 ? null : until, reason });
  } catch (error) {
    work.pause(before);
    throw error;
  }
  work.pause(ms === 0 ? null : until);
  const percent = (await targetNow(factory, repo)).canary?.percent ?? canary.percent;
  const time = (at: number) => new Date(at).toISOString();
  const instead =
    earlier === null
      ? ''
      : `; that is instead of the pause by ${earlier.by} until ${time(earlier.until)}: ${earlier.reason}`;
  const text =
    ms === 0
      ? `${canary.release} is not paused any more: it goes on from ${percent} % of traffic${instead}`
      : `${canary.release} stays at ${percent} % of traffic until ${time(until)}, unless it degrades${instead}`;
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
  const run = await runOf(factory, canary);
  if (run === null || run.deploy?.kind !== 'started')
    throw noCanary(`${canary.release} is brought out again by an undo, and is not promoted by hand`);
  const hand = await handOf(factory, run, who as string as PersonId, ['admin', 'approver']);
  if (hand !== null) throw new NotSteered('forbidden', hand, { acts: ANOTHER_APPROVER });
  const gate = run.gates.findLast((one) => one.action === 'deploy');
  if (!gate) throw terminal('no-such-gate', `the deploy of ${canary.release} was not judged`);
  const at = factory.clock.now();
  const approvals = [...new Set([...gate.approvals, who as string as PersonId])].map((person) => ({
    person,
    at,
  }));
  // Judged now, and never again: nobody's yes lapses meanwhile, however long the facts take.
  const given = { approvals, expiresAt: Number.MAX_SAFE_INTEGER };
  const facts = await factsFor(factory, run, 'deploy', gate.subject, given);
  const { decided } = await decide(factory, run, facts);
  if (decided.decision !== 'allow')
    throw new NotSteered('denied', `the deploy gate would not let it out now: ${decided.reason}`, STATUS);
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
  const run = await runOf(factory, canary);
  // One that is held, or whose factory died, is taken back by whoever goes on with it.
  if (run !== null) driver.drive(run.id);
  const { release, live } = canary;
  for (const end = Date.now() + ANSWER_MS; Date.now() < end; ) {
    const now = await targetNow(factory, repo);
    if (now.canary?.release !== release) {
      const serves = now.live === null ? 'nobody serves, as before' : `${now.live} serves ${repo} alone`;
      const text =
        now.live === release
          ? `${release} had come to serve already: only a rollback goes back from it`
          : `${release} was taken back: ${serves}; its run reverts its merge`;
      return { repo, release, live: now.live, state: 'taken_back', text };
    }
    await factory.clock.sleep(25);
  }
  return { repo, release, live, state: 'under_way', text: `${release} is being taken back` };
}

const runOf = async (factory: Ports, { release }: Canary): Promise<Run | null> => {
  const info = (await factory.register.look()).release(release);
  return (info && (await load(factory, info.run))?.run) ?? null;
};
