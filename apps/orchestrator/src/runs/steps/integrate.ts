import type { Clock, TaskId } from '@millwright/domain';
import { Change, putJson, type Run, type Todo, terminal, workOf } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Sides } from '../../source-control/repository.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import { commitMessageOf } from '../commit-message.ts';
import type { StepResult } from '../step.ts';

type Ports = { clock: Clock; knownSecrets: KnownSecrets; repositories: Repositories; store: Store };

/** Puts a task's commit onto the run branch; a conflict goes back to its implementer with both sides in the workspace. */
export async function integrate(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'integrate' }>,
): Promise<StepResult> {
  const work = workOf(run, step.task);
  if (!work?.made || !work.base)
    throw terminal('step-without-input', 'nothing was made that could be integrated');
  // Rework on the whole that was made on the run's base began with the head's tree: it is the head, made anew.
  const anew = step.task === null && work.base.commit === run.base.commit;
  if (anew || work.base.commit === run.head.commit) {
    return {
      type: 'task.integrated',
      data: { task: step.task, commit: work.made.commit, tree: work.made.tree, united: [] },
    };
  }
  const repo = await factory.repositories.open(run.repo);
  const merged = await repo.mergeUniting(
    work.base.commit,
    run.head.commit,
    work.made.commit,
    `${work.title}\n`,
    factory.clock.now(),
    sidesOf(run, step.task),
  );
  return merged.kind === 'merged'
    ? {
        type: 'task.integrated',
        data: { task: step.task, commit: merged.commit, tree: merged.tree, united: merged.united },
      }
    : {
        type: 'task.conflicted',
        data: {
          task: step.task,
          paths: merged.paths,
          start: merged.tree,
          reason: merged.message.slice(0, 4_000),
        },
      };
}

/** Conflict markers say whose each side is. */
function sidesOf({ tasks }: Run, task: TaskId | null): Sides {
  const before = tasks.filter(({ integrated }) => integrated).map((work) => work.task);
  return { ours: before.join(', ') || 'the base', theirs: task ?? 'the change' };
}

/** The run's whole change as one commit on its base: what is reviewed, tested, gated and merged. One commit, so that undoing it is one commit too. */
export async function compose(factory: Ports, run: Run): Promise<StepResult> {
  const repo = await factory.repositories.open(run.repo);
  // Between trees: of a single task it is what was asked when its change was taken.
  const [commit, patchId] = await Promise.all([
    commitMessageOf(factory, run).then((text) =>
      repo.commit(run.head.tree, run.base.commit, text, factory.clock.now()),
    ),
    repo.patchId(run.base.tree, run.head.tree),
  ]);
  const change = { base: run.base.commit, commit, tree: run.head.tree, patchId };
  return {
    type: 'change.composed',
    data: { ...change, subject: await putJson(factory.store.artifacts, Change, change) },
  };
}
