import type { AttemptId, RecordedEntry, RepoName, RunId, TicketId } from '@millwright/domain';
import type { Concerns } from './trail-index.ts';

/** What of the world says whose an entry is. */
type Known = {
  attempts: ReadonlyMap<AttemptId, { run: RunId }>;
  tickets: ReadonlyMap<TicketId, { repo: RepoName }>;
  run(id: RunId): { repo: RepoName } | undefined;
};

/** The run and the repository that an entry concerns, as far as the world has got; a run's attempts are its own. */
export function concernsOf(world: Known, { envelope, entry }: RecordedEntry): Concerns {
  const [kind = '', id = ''] = envelope.stream.split('/');
  const run =
    kind === 'run'
      ? (id as RunId)
      : kind === 'attempt'
        ? world.attempts.get(id as AttemptId)?.run
        : undefined;
  const repo =
    kind === 'repo' || kind === 'target'
      ? (id as RepoName)
      : kind === 'ticket'
        ? world.tickets.get(id as TicketId)?.repo
        : run && world.run(run)?.repo;
  return { run: run ?? null, repo: repo ?? (entry?.type === 'run.opened' ? entry.data.repo : null) };
}
