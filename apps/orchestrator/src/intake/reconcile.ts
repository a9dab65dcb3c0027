import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  movedLast,
  type OpenEffect,
  OpenEffects,
  type RepoName,
  targetStream,
  terminal,
} from '@millwright/domain';
import type { Logger } from 'pino';
import { drawAutonomy } from '../autonomy/sweep.ts';
import type { Deployments } from '../releases/deployments.ts';
import { endWindow } from '../releases/freeze-windows.ts';
import { retirePrevious } from '../releases/retire-previous.ts';
import { revertMergeOf } from '../releases/revert-merge.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  log: Logger;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
  settings: Settings;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

// What a factory that died had attempted, or one that could not write, and never said how it ended. Merges, deploys and reverts of runs are settled by driving the run: it
// looks at the remote and at the target first. Here is what no run drives any more.

/** Settles each such effect with an entry of its own. Those of an open deploy, or of a retirement that is owed, are taken up under their own keys. */
export async function reconcile(factory: Ports): Promise<void> {
  const { open: fold } = factory.views;
  for (const open of fold.effects.list()) {
    if (!open.stream.startsWith('target/')) continue;
    const repo = open.stream.slice('target/'.length) as RepoName;
    if (fold.effects.isUnknown(open)) await settle(factory, open, repo, 'its factory died');
    else if (await isSilent(factory, open, repo))
      await settle(factory, open, repo, 'the trail could not be written when it ended');
  }
  for (const repo of fold.targets.keys()) {
    await revertOwed(factory, repo);
    await endWindow(factory, repo);
    const { retires } = await factory.streams.target(repo).look();
    // Not waited for: it takes its turn in the deploy lease, and never rejects.
    if (retires !== null && !factory.deploys.busy(repo))
      void factory.deploys.run(repo, () => retirePrevious(factory, repo));
  }
  await drawAutonomy(factory);
}

/** Nobody here is at work on that target, and its stream does not say how this effect ended: the trail was away in that moment. */
async function isSilent({ deploys, trail }: Ports, open: OpenEffect, repo: RepoName): Promise<boolean> {
  if (open.kind !== 'target' || deploys.busy(repo)) return false;
  const effects = new OpenEffects();
  for (const { envelope, entry } of await trail.read(targetStream(repo).id))
    if (entry !== null) effects.apply(envelope, entry);
  return !deploys.busy(repo) && effects.list().some(({ key }) => key === open.key);
}

/** A rollback whose factory died before it reverted the merges, or that was made without one. Not while one is under way here. */
async function revertOwed(factory: Ports, repo: RepoName): Promise<void> {
  const target = await factory.streams.target(repo).look();
  const { deploys, merges } = factory;
  if (target.history.at(-1)?.by !== 'rollback' || deploys.busy(repo) || merges.busy(repo)) return;
  for (const release of movedLast(target))
    if (!target.reverting.includes(release)) await revertMergeOf(factory, repo, release);
}

async function settle(
  factory: Ports,
  { kind, key, stream, release }: OpenEffect,
  repo: RepoName,
  why: string,
): Promise<void> {
  const { streams, register, deployments } = factory;
  if (release === null) throw terminal('no-release', `${key} is of no release`);
  if (kind === 'revert') {
    await revertMergeOf(factory, repo, release);
    return;
  }
  if ((await register.look()).runOf(release)?.deploy?.kind === 'started') return;
  const { live, retires } = await streams.target(repo).look();
  if (retires?.release === release) return;
  const reason = `${why}; the target is kept as the trail has it`;
  const data = { key: key.slice(stream.length + 1), release, live, reason };
  await deployments.append(repo, { type: 'target.reconciled', data });
}
