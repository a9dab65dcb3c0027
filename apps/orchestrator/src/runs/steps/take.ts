import type { Clock } from '@millwright/domain';
import {
  AcceptanceChecks,
  type Blocked,
  type ChangeSet,
  getJson,
  Implemented,
  isBlocked,
  Plan,
  Release,
  Review,
  type Run,
  TestReport,
  type Todo,
  terminal,
  workOf,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import { inOrder } from '../plan-order.ts';
import type { StepResult } from '../step.ts';
import { failureOf } from './same-failure.ts';

type Ports = { clock: Clock; repositories: Repositories; settings: Settings; store: Store };

type Take = Extract<Todo, { do: 'take' }>;

/** Draws a stage's artifact into the run. What an artifact claims is checked here once more, by the factory's own git. */
export async function take(factory: Ports, run: Run, step: Take): Promise<StepResult> {
  const { artifacts } = factory.store;
  switch (step.role) {
    case 'plan': {
      const plan = await getJson(artifacts, Plan, step.artifact);
      if (plan.kind === 'question') {
        const expiresAt = Math.min(factory.clock.now() + factory.settings.questionMs, run.expiresAt);
        return { type: 'question.asked', data: { question: plan.question, plan: step.artifact, expiresAt } };
      }
      const tasks = inOrder(plan.tasks).map(({ id, title, dependsOn }) => ({ id, title, dependsOn }));
      return { type: 'plan.accepted', data: { plan: step.artifact, tasks } };
    }
    case 'implement': {
      const made = await getJson(artifacts, Implemented, step.artifact);
      return isBlocked(made)
        ? askAboutBlocked(factory, run, step, made)
        : takeChange(factory, run, step, made);
    }
    case 'review': {
      const review = await getJson(artifacts, Review, step.artifact);
      return {
        type: 'task.reviewed',
        data: { task: step.task, review: step.artifact, patchId: review.patchId, verdict: review.verdict },
      };
    }
    case 'test': {
      if (step.task === null && run.checks === null) {
        await getJson(artifacts, AcceptanceChecks, step.artifact);
        return { type: 'checks.written', data: { checks: step.artifact } };
      }
      const report = await getJson(artifacts, TestReport, step.artifact);
      const { tree, verdict } = report;
      return {
        type: 'change.tested',
        data: { task: step.task, tree, report: step.artifact, verdict, failure: failureOf(report) },
      };
    }
    case 'deploy': {
      const release = await getJson(artifacts, Release, step.artifact);
      if (
        run.merge?.kind !== 'finished' ||
        release.commit !== (run.ships ?? run.merge).commit ||
        release.tree !== (run.ships ?? run.merge).tree
      ) {
        throw terminal('release-mismatch', 'the release was built from something else than the merge');
      }
      return {
        type: 'release.built',
        data: {
          release: release.id,
          artifact: step.artifact,
          layer: release.layer,
          verdict: release.test.verdict,
        },
      };
    }
  }
}

/**
 * An implementer hands in no change. What fails on the base as well is never sent back to it (the verdict says so), so why it is blocked
 * is nothing that the factory can tell: a person is asked, and the answer goes to the next attempt.
 */
function askAboutBlocked(factory: Ports, run: Run, step: Take, { summary, reason }: Blocked): StepResult {
  const work = step.task === null ? 'the change as a whole' : `task ${step.task}`;
  const question = `The implementer of ${work} made no change: ${reason}\n\n${summary}`.slice(0, 20_000);
  const expiresAt = Math.min(factory.clock.now() + factory.settings.questionMs, run.expiresAt);
  const { task, attempt, artifact: blocked } = step;
  return { type: 'task.blocked', data: { task, attempt, blocked, question, expiresAt } };
}

/** Applies the patch to its base in the factory's own repository: the tree must be the one that the sandbox saw. */
async function takeChange(factory: Ports, run: Run, step: Take, change: ChangeSet): Promise<StepResult> {
  const work = workOf(run, step.task);
  if (!work?.base) throw terminal('step-without-input', 'a change was taken for work that was not begun');
  if (change.baseTree !== work.base.tree)
    throw terminal('change-mismatch', 'the change was made against another base');
  const repo = await factory.repositories.open(run.repo);
  const tree = await repo.apply(work.base.tree, await factory.store.artifacts.get(change.patch));
  if (tree !== change.tree)
    throw terminal(
      'change-mismatch',
      `the patch gives tree ${tree ?? 'none'}, its sandbox said ${change.tree}`,
    );
  if (tree === work.base.tree) throw terminal('empty-change', 'the implementer changed nothing');
  // What the review of it begins with is made beside: 45 ms that its stage would else wait for, and asks for again where this fails.
  void repo.source([...new Set([run.base.tree, work.base.tree, tree])], run.base.commit, (bundle) =>
    factory.store.artifacts.put(bundle),
  );
  void repo.changed(work.base.tree, tree);
  const [commit, patchId] = await Promise.all([
    repo.commit(tree, work.base.commit, change.commitMessage, factory.clock.now()),
    repo.patchId(work.base.tree, tree),
  ]);
  return {
    type: 'task.changed',
    data: {
      task: step.task,
      attempt: step.attempt,
      change: step.artifact,
      patchId,
      from: work.base.tree,
      tree,
      commit,
    },
  };
}
