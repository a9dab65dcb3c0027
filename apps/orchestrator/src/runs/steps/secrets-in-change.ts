import { type AttemptOutcome, getJson, Implemented, type Run, type Stage, workOf } from '@millwright/domain';
import { secretsBrought } from '@millwright/policy';
import type { Store } from '@millwright/store';
import type { Repositories } from '../../source-control/repositories.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';

type Ports = { knownSecrets: KnownSecrets; repositories: Repositories; store: Store };

/**
 * What came of an implementer's stage, or its refusal where the change brings in a secret: in a file, a file's name or its message. Runners
 * know no values, so it is looked for here, before the change is the run's. The merge gate looks once more, for what was set since.
 */
export async function withoutSecrets(
  factory: Ports,
  run: Run,
  { role, task }: Pick<Stage, 'role' | 'task'>,
  outcome: AttemptOutcome,
): Promise<AttemptOutcome> {
  const base = workOf(run, task)?.base?.tree;
  if (role !== 'implement' || outcome.kind !== 'done' || base === undefined) return outcome;
  const made = await getJson(factory.store.artifacts, Implemented, outcome.artifact);
  // What is no change of this base is refused where it is taken.
  const change = 'kind' in made ? (made.kind === 'blocked' ? null : made.change) : made;
  if (change?.baseTree !== base) return outcome;
  const repo = await factory.repositories.open(run.repo);
  const tree = await repo.apply(base, await factory.store.artifacts.get(change.patch));
  if (tree === null) return outcome;
  const known = await factory.knownSecrets.now();
  const inWords = [
    ...new Set(
      known.find(`${'kind' in made ? '' : made.commitMessage}\n${made.summary}`).map(({ name }) => name),
    ),
  ].map((name) => `its message holds the value of secret ${name}`);
  const found = [...secretsBrought(await repo.changedFiles(base, tree), known), ...inWords];
  if (found.length === 0) return outcome;
  const more = found.length > 5 ? `; and ${found.length - 5} more` : '';
  const reason = `The change was refused: ${found.slice(0, 5).join('; ')}${more}. Nothing of it was kept; leave it out, and let the program read it from its environment.`;
  return { kind: 'failed', code: 'change-refused', retryable: false, reason: reason.slice(0, 4_000) };
}
