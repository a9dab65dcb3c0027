import type { DigestLine, DigestView } from '@millwright/api';
import type { Entry, RecordedEntry, RepoName, RunId } from '@millwright/domain';

// What a person reads who was away: what of the trail belongs under which head. Pure.

/** Types that a digest is made of. */
export const DIGESTED = [
  'stage.closed',
  'merge.finished',
  'merge.lost',
  'deploy.finished',
  'run.closed',
  'ticket.reopened',
  'ticket.incident-raised',
  'target.released',
  'target.not-healed',
  'target.heal-paused',
  'target.frozen',
  'autonomy.dropped',
  'factory.halted',
  'factory.restored',
];

export type Seen = {
  recorded: RecordedEntry;
  run: RunId | null;
  repo: RepoName | null;
  title: string | null;
  /** Whether its run brings out a release: then what is merged has not shipped yet. */
  deploys: boolean;
  /** The entry as a sentence. */
  text: string;
};

/** Under which head an entry is told; null: under none. */
export function headOf(entry: Entry, deploys: boolean): 'broke' | 'shipped' | 'spent' | null {
  switch (entry.type) {
    case 'stage.closed':
      return 'spent';
    case 'merge.finished':
      return deploys ? null : 'shipped';
    case 'deploy.finished':
      return entry.data.result === 'promoted' ? 'shipped' : 'broke';
    case 'target.released':
      return entry.data.by === 'rollback' ? 'broke' : null;
    case 'run.closed':
      // One that went back is told by its deploy.
      return entry.data.end === 'failed' || entry.data.end === 'denied' ? 'broke' : null;
    case 'merge.lost':
    case 'ticket.reopened':
    case 'ticket.incident-raised':
    case 'target.not-healed':
    case 'target.heal-paused':
    case 'target.frozen':
    case 'autonomy.dropped':
    case 'factory.halted':
    case 'factory.restored':
      return 'broke';
    default:
      return null;
  }
}

const MOST_TEXT = 400;

/** What happened, in the order of the trail; the newest entry of a repository stands for what was spent on it. */
export function digestOf(seen: readonly Seen[]): Pick<DigestView, 'broke' | 'shipped' | 'spent'> {
  const under = (head: 'broke' | 'shipped'): DigestLine[] =>
    seen
      .filter(({ recorded, deploys }) => headOf(recorded.entry, deploys) === head)
      .map(({ recorded: { envelope }, run, repo, title, text }) => ({
        ...{ position: envelope.position, at: envelope.at, run, repo, title },
        text: (text.split('\n')[0] ?? '').slice(0, MOST_TEXT),
      }));
  const repos = new Map<RepoName, { position: number; usd: number; stages: number }>();
  for (const { recorded, repo } of seen) {
    const { entry, envelope } = recorded;
    if (entry.type !== 'stage.closed' || repo === null) continue;
    const { usd, stages } = repos.get(repo) ?? { usd: 0, stages: 0 };
    const of = { position: envelope.position, usd: usd + entry.data.usage.usd, stages: stages + 1 };
    repos.set(repo, of);
  }
  const spent = [...repos].map(([repo, of]) => ({ repo, ...of })).sort((a, b) => b.usd - a.usd);
  return {
    broke: under('broke'),
    shipped: under('shipped'),
    spent: { usd: spent.reduce((sum, { usd }) => sum + usd, 0), repos: spent },
  };
}
