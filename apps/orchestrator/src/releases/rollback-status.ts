import type { ComingRelease, FreezeView, RollbackStatus } from '@millwright/api';
import type { Clock } from '@millwright/domain';
import {
  candidates,
  type Freeze,
  freezesOf,
  getJson,
  type ReleaseId,
  type RepoName,
  type TargetState,
  Ticket,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Forward } from '../streams/forward.ts';
import type { Register } from '../streams/register.ts';
import type { Deployments } from './deployments.ts';
import { unstick } from './freeze.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  forward: Forward;
  register: Register;
  store: Store;
};

/** As many as a person picks from. */
const OFFERED = 5;

type Names = ReadonlyMap<string, string>;

export const freezeViews = (freezes: readonly Freeze[], names: Names): FreezeView[] =>
  freezes.map(({ by, who, reason, at }) => ({
    who: by === 'factory' ? 'factory' : (names.get(who) ?? who),
    reason,
    at,
  }));

/** What serves, what a rollback may go to, and what stands in the way of going forward; of one repository. */
export async function rollbackStatus(
  factory: Ports,
  repo: RepoName,
  names: Names,
): Promise<Omit<RollbackStatus, 'stop'>> {
  const target = await factory.forward.target(repo);
  const offered = candidates(target).slice(0, OFFERED);
  const { frozen, undo } = target;
  const [first, ...also] = freezeViews(freezesOf(frozen), names);
  return {
    repo,
    live: target.live === null ? null : await one(factory, repo, target, target.live),
    canary: comingRelease(target, factory.clock.now()),
    candidates: await Promise.all(offered.map((id) => one(factory, repo, target, id))),
    frozen:
      frozen === null || first === undefined
        ? null
        : {
            ...first,
            by: frozen.by,
            what: frozen.what,
            acts: frozen.by === 'factory' ? unstick(repo) : [],
            paged: frozen.paged,
            also,
          },
    undo:
      undo === null
        ? null
        : {
            state: undo.kind === 'asked' ? undo.decision : undo.kind === 'started' ? 'started' : undo.result,
            release: undo.release,
            text: undo.kind === 'asked' ? undo.reason : undo.kind === 'finished' ? undo.evidence : '',
            at: undo.kind === 'asked' ? (undo.by.at(-1)?.at ?? 0) : undo.at,
          },
  };
}

/** A canary for people to read; null where none is on its way. */
function comingRelease({ canary }: TargetState, now: number): ComingRelease | null {
  if (canary === null) return null;
  const { release, live, percent, steps, since, held } = canary;
  const paused = canary.paused !== null && canary.paused.until > now ? canary.paused : null;
  const until = percent === 0 ? null : (paused?.until ?? since + canary.bake);
  return { release, live, percent, steps, since, until, paused, held };
}

async function one(
  factory: Ports,
  repo: RepoName,
  { history }: TargetState,
  release: ReleaseId,
): Promise<RollbackStatus['candidates'][number]> {
  const run = (await factory.register.look()).runOf(release);
  const title = run ? (await getJson(factory.store.artifacts, Ticket, run.ticketDigest)).title : '';
  return {
    release,
    servedAt: history.findLast((each) => each.release === release)?.at ?? 0,
    tickets: run ? [{ id: run.ticket, title }] : [],
    health: await factory.deployments.health(repo, release),
  };
}
