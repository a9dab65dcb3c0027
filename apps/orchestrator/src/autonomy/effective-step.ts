import type { Facts, GitSha, Run, TicketKind } from '@millwright/domain';
import { NO_AUTONOMY, stepFor } from '@millwright/policy';
import type { Factory } from '../factory.ts';

/** The step in force for what ships together, and the kind of change that made it so where one did. */
export function inForce(
  factory: Factory,
  { repo }: Run,
  kinds: readonly TicketKind[],
): Pick<Facts, 'step' | 'lost'> {
  const autonomy = factory.world.repo(repo) ?? NO_AUTONOMY;
  const step = stepFor(autonomy, kinds);
  const kind = kinds.find((one) => autonomy.lost.get(one)?.to === step);
  const lost = kind && autonomy.lost.get(kind);
  if (kind === undefined || lost === undefined || step === autonomy.step) return { step };
  return { step, lost: { kind, release: lost.to < lost.upTo ? null : lost.release } };
}

/**
 * Kinds of change whose merges would ship with this release besides its own: those that fell do not pass in another one's shadow. Only
 * fallen ones are looked for.
 */
export async function shipsWith(
  factory: Factory,
  run: Run,
  candidate: GitSha,
  live: GitSha | null,
): Promise<TicketKind[]> {
  const { world } = factory;
  const fallen = world.repo(run.repo)?.lost;
  if (fallen === undefined || fallen.size === 0) return [];
  const repo = await factory.repositories.open(run.repo);
  const kinds = new Set<TicketKind>();
  for (const { state } of world.runs.values()) {
    if (state.kind !== 'run' || state.repo !== run.repo || state.id === run.id) continue;
    const kind = world.tickets.get(state.ticket)?.kind;
    // What came to serve is in what is live, and what was taken back is judged by its quarantine.
    if (kind === undefined || !fallen.has(kind) || kinds.has(kind) || state.merge?.kind !== 'finished')
      continue;
    if (state.deploy?.kind === 'finished' && state.deploy.result !== 'failed') continue;
    const { commit } = state.merge;
    const shipped = live !== null && (await repo.isAncestor(commit, live));
    if (!shipped && (await repo.isAncestor(commit, candidate))) kinds.add(kind);
  }
  return [...kinds];
}
