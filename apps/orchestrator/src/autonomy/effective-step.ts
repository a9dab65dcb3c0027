import type { Facts, GitSha, Run, TicketKind } from '@millwright/domain';
import { NO_AUTONOMY, stepFor } from '@millwright/domain';
import { isDocument } from '@millwright/policy';
import type { Repositories } from '../source-control/repositories.ts';
import type { Register } from '../streams/register.ts';

type Ports = { register: Register; repositories: Repositories };

/** Demoted kinds whose paths a change touches, each with one of them. */
export type FallenPaths = ReadonlyMap<TicketKind, string>;

/** The effective step for what ships together, and the kind of change that made it so where one did. */
export async function effectiveStep(
  factory: Ports,
  { repo }: Run,
  kinds: readonly TicketKind[],
  touched: FallenPaths = new Map(),
): Promise<Pick<Facts, 'step' | 'lost'>> {
  const autonomy = (await factory.register.look()).repository(repo) ?? NO_AUTONOMY;
  const all = [...kinds, ...touched.keys()];
  const step = stepFor(autonomy, all);
  const kind = all.find((one) => autonomy.lost.get(one)?.to === step);
  const lost = kind && autonomy.lost.get(kind);
  if (kind === undefined || lost === undefined || step === autonomy.step) return { step };
  const path = kinds.includes(kind) ? undefined : touched.get(kind);
  const release = lost.to < lost.upTo ? null : lost.release;
  return { step, lost: { kind, release, ...(path === undefined ? {} : { path }) } };
}

/**
 * Kinds of change that fell by what touched the same paths as the change from one tree to another: what was lost stays lost there, whatever
 * a ticket calls itself. Documents do not count: half of all changes touch the same few.
 */
export async function touchesFallen(
  factory: Ports,
  { repo: name }: Run,
  from: GitSha,
  to: GitSha,
): Promise<FallenPaths> {
  const touched = new Map<TicketKind, string>();
  const registered = await factory.register.look();
  const demoted = registered.repository(name)?.lost;
  if (demoted === undefined || demoted.size === 0) return touched;
  const repo = await factory.repositories.open(name);
  const paths = new Set((await repo.changed(from, to)).map(({ path }) => path));
  for (const [kind, { releases }] of demoted)
    for (const release of releases) {
      const merge = registered.runOf(release)?.merge;
      if (merge?.kind !== 'finished') continue;
      const { commit: merged } = merge;
      const { commit: before } = await repo.at(`${merged}^`);
      const same = (await repo.changed(before, merged)).find(
        ({ path }) => paths.has(path) && !isDocument(path),
      );
      if (same !== undefined) touched.set(kind, same.path);
    }
  return touched;
}

/**
 * Kinds of change whose merges would ship with this release besides its own: those that fell do not pass in another one's shadow. Only
 * demoted ones are looked for.
 */
export async function shipsWith(
  factory: Ports,
  run: Run,
  candidate: GitSha,
  live: GitSha | null,
): Promise<TicketKind[]> {
  const registered = await factory.register.look();
  const demoted = registered.repository(run.repo)?.lost;
  if (demoted === undefined || demoted.size === 0) return [];
  const repo = await factory.repositories.open(run.repo);
  const kinds = new Set<TicketKind>();
  for (const other of registered.runs(run.repo)) {
    if (other.id === run.id) continue;
    const kind = registered.kindOf(other);
    // What came to serve is in what is live, and what was taken back is judged by its quarantine.
    if (kind === undefined || !demoted.has(kind) || kinds.has(kind) || other.merge?.kind !== 'finished')
      continue;
    if (other.deploy?.kind === 'finished' && other.deploy.result !== 'failed') continue;
    const { commit } = other.merge;
    const shipped = live !== null && (await repo.isAncestor(commit, live));
    if (!shipped && (await repo.isAncestor(commit, candidate))) kinds.add(kind);
  }
  return [...kinds];
}
