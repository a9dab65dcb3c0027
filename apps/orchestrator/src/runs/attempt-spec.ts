import {
  type AttemptId,
  type AttemptSpec,
  type Digest,
  type Feedback,
  type FeedbackRef,
  type GitSha,
  getJson,
  Plan,
  type PlanTask,
  type ReleaseId,
  RepoConfig,
  Review,
  type Run,
  TaskId,
  TestReport,
  Ticket,
  type Todo,
  terminal,
  type Work,
  workOf,
} from '@millwright/domain';
import type { Factory } from '../factory.ts';
import type { Repository } from '../source-control/repository.ts';

type Open = Extract<Todo, { do: 'open-stage' }>;

/** Everything one attempt needs, and nothing else: this is all that reaches a runner. `inputs` are the artifacts it was made from. */
export async function specFor(
  factory: Factory,
  run: Run,
  step: Open,
  attempt: AttemptId,
): Promise<{ spec: AttemptSpec; inputs: Digest[] }> {
  const { artifacts } = factory.store;
  const [ticket, config, repo] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    getJson(artifacts, RepoConfig, run.config),
    factory.repositories.open(run.repo),
  ]);
  const sourceOf = async (...trees: GitSha[]) => {
    const distinct = [...new Set(trees)];
    return { bundle: await repo.source(distinct, (bundle) => artifacts.put(bundle)), trees: distinct };
  };
  const common = {
    attempt,
    run: run.id,
    repo: run.repo,
    ticket,
    config,
    baseTree: run.base.tree,
    limits: factory.settings.attempt,
    budgets: ['factory', `repo/${run.repo}`, `ticket/${run.ticket}`, `run/${run.id}`],
    deadline: Math.min(factory.clock.now() + factory.settings.attempt.wallMs, run.expiresAt),
  };
  const given = [run.ticketDigest, run.config];

  if (step.role === 'plan') {
    const source = await sourceOf(run.base.tree);
    const evidence = factory.world.evidenceOf(run.ticket);
    return {
      spec: { ...common, role: 'plan', source, maxTasks: run.limits.tasks, answers: run.answers, evidence },
      inputs: given,
    };
  }
  if (run.plan === null) throw terminal('no-plan', 'a stage was opened before its plan');
  const plan = await getJson(artifacts, Plan, run.plan);
  const inputs = [...given, run.plan];

  switch (step.role) {
    case 'implement': {
      const work = need(workOf(run, step.task));
      const from = (work.base ?? run.head).tree;
      const start = work.start ?? from;
      const feedback = await Promise.all(work.feedback.map((one) => readFeedback(factory, one)));
      const source = await sourceOf(run.base.tree, from, start);
      return {
        spec: {
          ...common,
          role: 'implement',
          source,
          plan,
          task: taskOf(plan, step.task, work),
          from,
          start,
          feedback,
        },
        inputs,
      };
    }
    case 'review': {
      const subject = await reviewSubject(factory, repo, run, step.task);
      const source = await sourceOf(subject.from, subject.tree);
      return {
        spec: {
          ...common,
          role: 'review',
          source,
          plan,
          task: step.task === null ? null : taskOf(plan, step.task, need(workOf(run, step.task))),
          ...subject,
        },
        inputs: [...inputs, subject.patch],
      };
    }
    case 'test': {
      const change = need(run.change);
      const source = await sourceOf(run.base.tree, change.tree);
      return {
        spec: {
          ...common,
          role: 'test',
          source,
          plan,
          tree: change.tree,
          changed: await repo.changed(run.base.tree, change.tree),
          checks: await resolveChecks(factory, run),
        },
        inputs,
      };
    }
    case 'deploy': {
      if (run.merge?.kind !== 'finished') throw terminal('not-merged', 'a release is built from a merge');
      const { commit, tree } = run.ships ?? run.merge;
      const source = await sourceOf(run.base.tree, tree);
      const release = factory.ids.next('rel') as ReleaseId;
      return {
        spec: {
          ...common,
          role: 'deploy',
          source,
          plan,
          release,
          commit,
          tree,
          changed: await repo.changed(run.base.tree, tree),
        },
        inputs,
      };
    }
  }
}

function need<T>(value: T | null | undefined): T {
  if (value === null || value === undefined)
    throw terminal('step-without-input', 'a stage was opened without its input');
  return value;
}

/** The plan's task; for rework on the whole, one that says so. */
function taskOf(plan: Plan, task: TaskId | null, work: Work): PlanTask {
  if (plan.kind === 'question') throw terminal('no-tasks', 'the plan is a question');
  const found = plan.tasks.find((one) => one.id === task);
  if (found) return found;
  const only = plan.tasks.length === 1 ? plan.tasks[0] : undefined;
  const why =
    work.feedback.at(-1)?.kind === 'conflict'
      ? 'The base of this change moved and it conflicts now: resolve it.'
      : 'The integrated change does not pass: mend it.';
  return {
    id: TaskId.parse('whole'),
    title: only?.title ?? plan.summary.slice(0, 200),
    instructions:
      `${why} What it is meant to do:\n\n${plan.tasks.map((one) => `- ${one.title}: ${one.instructions}`).join('\n')}`.slice(
        0,
        20_000,
      ),
    dependsOn: [],
    acceptance: plan.tasks.flatMap((one) => one.acceptance).slice(0, 32),
  };
}

async function readFeedback(factory: Factory, ref: FeedbackRef): Promise<Feedback> {
  const { artifacts } = factory.store;
  switch (ref.kind) {
    case 'review':
      return { kind: 'review', review: await getJson(artifacts, Review, ref.review) };
    case 'tests':
      return { kind: 'tests', report: await getJson(artifacts, TestReport, ref.report) };
    case 'conflict':
      return {
        kind: 'conflict',
        paths: ref.paths,
        message: 'Both sides changed these files. The workspace holds both, between conflict markers.',
      };
    case 'refused':
      return ref;
  }
}

/** A task's own change, or the run's whole one. The diff is the factory's own, made again from the two trees. */
async function reviewSubject(factory: Factory, repo: Repository, run: Run, task: TaskId | null) {
  const made = task === null ? null : need(workOf(run, task)?.made);
  const from = made ? made.from : run.base.tree;
  const tree = made ? made.tree : need(run.change).tree;
  const patchId = made ? made.patchId : need(run.change).patchId;
  return {
    from,
    tree,
    patchId,
    patch: await factory.store.artifacts.put(await repo.diff(from, tree)),
    paths: await repo.changed(from, tree),
  };
}

/** The tester writes its checks once a run: they are taken from the first report that has them. */
async function resolveChecks(factory: Factory, run: Run): Promise<Digest | null> {
  for (const test of run.tests) {
    const { checks } = await getJson(factory.store.artifacts, TestReport, test.report);
    if (checks) return checks;
  }
  return null;
}
