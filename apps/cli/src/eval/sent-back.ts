import { Entry, type GitSha, type RunId, sendsBack } from '@millwright/domain';
import type { Client } from '../client.ts';

// The changes of a run that its tests or a review sent back, as its trail tells of them.

/** `commit` is what the factory's copy of the repository keeps it as; null where no entry says. `part`: of several tasks, so what others bring may be missing. */
export type SentBack = { tree: GitSha; commit: GitSha | null; part: boolean };

const TOLD_BY = [
  'plan.accepted',
  'plan.revised',
  'task.changed',
  'change.composed',
  'task.reviewed',
  'checks.disputed',
  'change.tested',
  'turn.asked',
];

/** In their order, each tree once. Pure. */
export function sentBackOf(entries: readonly Entry[]): SentBack[] {
  const found = new Map<string, SentBack>();
  const commits = new Map<string, GitSha>();
  /** By task; `null` is the whole. */
  const newest = new Map<string | null, GitSha>();
  let tasks = 0;
  const back = (task: string | null, tree = newest.get(task)): void => {
    if (tree === undefined) return;
    const commit = commits.get(tree) ?? null;
    if (!found.has(tree)) found.set(tree, { tree, commit, part: task !== null && tasks > 1 });
  };
  for (const { type, data } of entries)
    switch (type) {
      case 'plan.accepted':
        tasks = data.tasks.length;
        break;
      case 'plan.revised':
        tasks += data.tasks.length - 1;
        break;
      case 'task.changed':
        newest.set(data.task, data.tree);
        commits.set(data.tree, data.commit);
        break;
      case 'change.composed':
        newest.set(null, data.tree);
        commits.set(data.tree, data.commit);
        break;
      case 'task.reviewed':
        if (data.verdict === 'request_changes') back(data.task);
        break;
      case 'checks.disputed':
        if (data.by === 'review' && data.change) back(null);
        break;
      case 'change.tested':
        if (sendsBack(data.verdict)) back(data.task, data.tree);
        break;
    }
  return [...found.values()];
}

/** What of a run's trail says so. */
export async function entriesOf(client: Pick<Client, 'call'>, run: RunId): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let since = 0; ; ) {
    const query = { run, since, limit: 1_000, type: TOLD_BY.join(',') };
    const { value } = await client.call('listTrail', { query });
    entries.push(...value.map(({ type, data }) => Entry.parse({ type, data })));
    const last = value.at(-1);
    if (last === undefined) return entries;
    since = last.position;
  }
}
