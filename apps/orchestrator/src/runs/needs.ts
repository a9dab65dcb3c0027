import { getJson, RepoConfig, type Run } from '@millwright/domain';
import type { Store } from '@millwright/store';

/** The labels that a runner must have to do a stage of this run. */
export async function needsOf(
  { store }: { store: Store },
  run: Pick<Run, 'config'>,
): Promise<readonly string[]> {
  return (await getJson(store.artifacts, RepoConfig, run.config)).runner?.labels ?? [];
}
