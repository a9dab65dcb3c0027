import type { Clock } from '@millwright/domain';
import {
  AcceptanceChecks,
  type Blocked,
  CHECKS_FOLDER,
  type ChangeSet,
  type Finding,
  getJson,
  Implemented,
  isUnmet,
  mayDispute,
  Plan,
  type PlanTask,
  putJson,
  Release,
  Review,
  type Run,
  type TaskId,
  TestReport,
  type Todo,
  terminal,
  type Unfinished,
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
      if (step.task !== null) return revisedPlan(factory, run, step.task, plan.tasks);
      const tasks = inOrder(plan.tasks).map(({ id, title, dependsOn }) => ({ id, title, dependsOn }));
      return { type: 'plan.accepted', data: { plan: step.artifact, tasks } };
    }
    case 'implement': {
      const made = await getJson(artifacts, Implemented, step.artifact);
      if (!('kind' in made)) return takeChange(factory, run, step, made);
      return made.kind === 'blocked'
        ? ((await blockedByChecks(factory, run, step)) ?? askAboutBlocked(factory, run, step, made))
        : takeUnfinished(factory, run, step, made);
    }
    case 'review': {
      const review = await getJson(artifacts, Review, step.artifact);
      const disputed = heldAgainstChecks(run, step, review);
      if (disputed !== null) return disputed;
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
        release.commit !== (run.rebuiltFrom ?? run.merge).commit ||
        release.tree !== (run.rebuiltFrom ?? run.merge).tree
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

const onChecks = ({ path }: Finding): boolean => path.replace(/^\.\//, '').startsWith(CHECKS_FOLDER);

/** No implementer mends what is found in the tester's files: that goes to the tester, and the change back only for what else is found. */
function heldAgainstChecks(run: Run, { task, artifact: said }: Take, review: Review): StepResult {
  if (review.verdict === 'approve') return null;
  const grave = review.findings.filter(({ severity }) => severity !== 'minor');
  if (task !== null || run.checks === null || !mayDispute(run, 'review') || !grave.some(onChecks))
    return null;
  const change = !grave.every(onChecks);
  const { checks } = run;
  return { type: 'checks.disputed', data: { checks, by: 'review', said, patchId: review.patchId, change } };
}

/** Who was sent back for a check that does not hold and says that there is nothing to change is heard by its tester, before a person is asked. */
async function blockedByChecks(
  { store: { artifacts } }: Ports,
  run: Run,
  { task, artifact: said }: Take,
): Promise<StepResult> {
  const last = workOf(run, task)?.feedback.at(-1);
  const { checks, change } = run;
  if (task !== null || last?.kind !== 'tests' || checks === null || change === null) return null;
  if (!mayDispute(run, 'implement')) return null;
  const report = await getJson(artifacts, TestReport, last.report);
  if (report.checks !== checks || !report.acceptance.some(isUnmet)) return null;
  const { patchId } = change;
  return { type: 'checks.disputed', data: { checks, by: 'implement', said, patchId, change: false } };
}

/** What is done is kept; of what is open the planner makes tasks. */
async function takeUnfinished(
  factory: Ports,
  run: Run,
  { task, attempt, artifact: unfinished }: Take,
  { summary, change }: Unfinished,
): Promise<StepResult> {
  const tree = change && (await applied(factory, run, task, change)).tree;
  return {
    type: 'task.unfinished',
    data: { task, attempt, unfinished, tree, reason: summary.slice(0, 4_000) },
  };
}

/** The whole plan as it is with these tasks instead of one of it. All of them but the first wait for what the first goes on from. */
async function revisedPlan(
  factory: Ports,
  run: Run,
  task: TaskId,
  split: readonly PlanTask[],
): Promise<StepResult> {
  if (run.plan === null) throw terminal('step-without-input', 'a task of no plan was split');
  const plan = await getJson(factory.store.artifacts, Plan, run.plan);
  if (plan.kind === 'question') throw terminal('no-tasks', 'the plan is a question');
  const [first, ...rest] = inOrder(split);
  if (first === undefined) throw terminal('no-tasks', 'a split without tasks');
  const after = rest.map((one) => (one.dependsOn.length > 0 ? one : { ...one, dependsOn: [first.id] }));
  const instead = [first, ...after];
  const ids = instead.map(({ id }) => id);
  const tasks = plan.tasks.flatMap((one) =>
    one.id === task
      ? instead
      : [{ ...one, dependsOn: one.dependsOn.flatMap((id) => (id === task ? ids : [id])) }],
  );
  const revised = await putJson(factory.store.artifacts, Plan, { ...plan, tasks });
  return {
    type: 'plan.revised',
    data: {
      plan: revised,
      task,
      tasks: instead.map(({ id, title, dependsOn }) => ({ id, title, dependsOn })),
    },
  };
}

/** Applies the patch to its base in the factory's own repository: the tree must be the one that the sandbox saw. */
async function applied(
  factory: Ports,
  run: Run,
  task: TaskId | null,
  change: Pick<ChangeSet, 'baseTree' | 'patch' | 'tree'>,
) {
  const work = workOf(run, task);
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
  return { repo, tree, base: work.base };
}

async function takeChange(factory: Ports, run: Run, step: Take, change: ChangeSet): Promise<StepResult> {
  const { repo, tree, base } = await applied(factory, run, step.task, change);
  if (tree === base.tree) throw terminal('empty-change', 'the implementer changed nothing');
  // What the review of it begins with is made beside: 45 ms that its stage would else wait for, and asks for again where this fails.
  const { artifacts } = factory.store;
  void repo.source([...new Set([run.base.tree, base.tree, tree])], run.base.commit, artifacts);
  void repo.changed(base.tree, tree);
  const [commit, patchId] = await Promise.all([
    repo.commit(tree, base.commit, change.commitMessage, factory.clock.now()),
    repo.patchId(base.tree, tree),
  ]);
  return {
    type: 'task.changed',
    data: {
      task: step.task,
      attempt: step.attempt,
      change: step.artifact,
      patchId,
      from: base.tree,
      tree,
      commit,
    },
  };
}
