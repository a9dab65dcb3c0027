import type { RepoView, SetupTrouble } from '@millwright/api';
import type { RepoName } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Repositories } from '../source-control/repositories.ts';
import { troublesOf } from '../source-control/setup-troubles.ts';
import { standingOf } from './tickets.ts';

type Ports = { modelKey: boolean | null; repositories: Repositories; secrets: Secrets; store: Store };

/** A remote that was asked so lately is not asked again for a view of it. Milliseconds. */
const SEEN_MS = 30_000;
/** A list of repositories waits so long for a remote; asked for itself, it is waited for longer. Milliseconds. */
const ANSWER_MS = 3_000;

/** What the repository's own file allows, and what cannot work with it, as its branch stands. */
export async function setupOf(
  factory: Ports,
  name: RepoName,
): Promise<Pick<RepoView, 'ceiling' | 'troubles'>> {
  const opened = await factory.repositories.open(name).catch((error: unknown) => String(error));
  if (typeof opened === 'string') return { ceiling: null, troubles: [unreadable('repo-unreadable', opened)] };
  const late = new Promise<null>((resolve) => setTimeout(resolve, ANSWER_MS, null).unref());
  const standing = await Promise.race([standingOf(opened, SEEN_MS), late]);
  if (standing === null) return { ceiling: null, troubles: [SLOW] };
  if (standing.kind === 'unready')
    return { ceiling: null, troubles: [unreadable(standing.code, standing.message)] };
  const { base, config } = standing;
  const troubles = await troublesOf(factory, opened, name, { tree: base.tree, config });
  return { ceiling: config.autonomy, troubles };
}

/** The labels that its runners must have, as its branch stands; none where that is not known now. */
export async function labelsOfRepo({ repositories }: Ports, name: RepoName): Promise<readonly string[]> {
  const opened = await repositories.open(name).catch(() => null); // its own line says why
  const standing = opened && (await standingOf(opened, SEEN_MS));
  return (standing?.kind === 'ready' && standing.config.runner?.labels) || [];
}

const SLOW: SetupTrouble = {
  code: 'repo-slow',
  text: 'its remote has not answered yet, so that its millwright.yaml is not known now',
  fix: { acts: [{ act: 'check-factory', to: 'to wait for it' }] },
  blocks: false,
};

const unreadable = (code: string, text: string): SetupTrouble => ({
  code,
  text,
  fix:
    code === 'bad-config'
      ? { hint: 'mend millwright.yaml on its branch', acts: [] }
      : { acts: [{ act: 'check-factory', to: 'to look again' }] },
  blocks: true,
});
