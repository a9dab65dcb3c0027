import type { Clock, Ids } from '@millwright/domain';
import {
  AcceptanceChecks,
  type AttemptId,
  type AttemptSpec,
  Blocked,
  ChangeSet,
  type Digest,
  type Dispute,
  type Feedback,
  type FeedbackRef,
  type GitSha,
  getJson,
  HandedOver,
  Plan,
  type PlanTask,
  type ReleaseId,
  RepoConfig,
  Review,
  type Role,
  type Run,
  type Said,
  type SpecOf,
  shareOfLimits,
  streamOf,
  TaskId,
  TestReport,
  Ticket,
  type Todo,
  type Trail,
  terminal,
  testOf,
  ticketOf,
  Unfinished,
  type Work,
  workOf,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Repository } from '../source-control/repository.ts';
import { scopesOf } from '../streams/budgets.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import { commitMessageOf } from './commit-message.ts';
import { resolvedAlone } from './conflict-places.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  trail: Pick<Trail, 'read'>;
};

type Open = Extract<Todo, { do: 'open-stage' }>;

/** Everything one attempt needs, and nothing else: this is all that reaches a runner. `inputs` are the artifacts it was made from. */
export async function specFor(
  factory: Ports,
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
    return { ...(await repo.source(distinct, run.base.commit, artifacts)), trees: distinct };
  };
  const last = run.stages.findLast(({ role, task }) => role === step.role && task === step.task)?.outcome;
  const left = last?.kind === 'failed' ? last.handedOver : undefined;
  const handedOver = left === undefined ? null : await getJson(artifacts, HandedOver, left);
  const workspaceOn = (tree: GitSha) =>
    handedOver?.workspace?.on === tree ? { workspace: handedOver.workspace.kept } : {};
  const limits = limitsOf(factory.settings, config, step.role);
  const common = {
    attempt,
    run: run.id,
    repo: run.repo,
    ticket,
    config,
    baseTree: run.base.tree,
    limits,
    budgets: await scopesOf(factory, run),
    deadline: Math.min(factory.clock.now() + limits.wallMs, run.expiresAt),
    ...(handedOver === null ? {} : { handedOver: handedOver.note }),
  };
  const given = [run.ticketDigest, run.config, ...(left === undefined ? [] : [left])];

  if (step.role === 'plan') {
    const split = step.task === null ? null : await splitOf(factory, repo, run, step.task);
    const spec = {
      ...common,
      role: 'plan' as const,
      source: await sourceOf(run.base.tree, ...(split ? [split.from, split.tree] : [])),
      // A split stands in one task's place.
      maxTasks: run.limits.tasks - Math.max(0, run.tasks.length - 1),
      answers: run.answers,
      evidence: ticketOf(await factory.trail.read(streamOf.ticket(run.ticket)))?.evidence ?? [],
    };
    return split === null ? { spec, inputs: given } : { spec: { ...spec, split }, inputs: given };
  }
  if (run.plan === null) throw terminal('no-plan', 'a stage was opened before its plan');
  const plan = await getJson(artifacts, Plan, run.plan);
  const inputs = [...given, run.plan];

  switch (step.role) {
    case 'implement': {
      const work = need(workOf(run, step.task));
      const from = (work.base ?? run.head).tree;
      const start = work.start ?? from;
      const refs = allFeedback(run, work).slice(-MAX_FEEDBACK);
      const feedback = await Promise.all(refs.map((one) => readFeedback(factory, one)));
      const source = await sourceOf(run.base.tree, from, start);
      return {
        spec: {
          ...common,
          ...workspaceOn(start),
          role: 'implement',
          source,
          plan,
          task: taskOf(plan, step.task, work),
          from,
          start,
          feedback,
          triesLeft: triesLeft(run, work),
        },
        inputs,
      };
    }
    case 'review': {
      const subject = await reviewSubject(factory, repo, run, step.task);
      const work = need(workOf(run, step.task));
      const source = await sourceOf(run.base.tree, subject.from, subject.tree);
      return {
        spec: {
          ...common,
          role: 'review',
          source,
          plan,
          task: taskUnderReview(plan, step.task, work),
          ...subject,
          ...(await reviewedBefore(factory, repo, run, step.task, subject.tree)),
          tested: await getJson(artifacts, TestReport, need(testOf(run, step.task, subject.tree)).report),
          triesLeft: triesLeft(run, work),
        },
        inputs: [...inputs, subject.patch],
      };
    }
    case 'test': {
      const { task } = step;
      const writes = task === null && run.checks === null;
      const subject = task === null ? run.change : workOf(run, task)?.made;
      const tree = writes ? null : need(subject).tree;
      return {
        spec: {
          ...common,
          ...(writes ? workspaceOn(run.base.tree) : {}),
          role: 'test',
          source: await sourceOf(run.base.tree, ...(tree === null ? [] : [tree])),
          plan,
          tree,
          changed: tree === null ? [] : await repo.changed(run.base.tree, tree),
          checks: task === null ? run.checks : null,
          ...(writes && run.disputes.length > 0
            ? { disputed: await Promise.all(run.disputes.map((one) => readDispute(factory, one))) }
            : {}),
        },
        inputs,
      };
    }
    case 'deploy': {
      if (run.merge?.kind !== 'finished') throw terminal('not-merged', 'a release is built from a merge');
      const { commit, tree } = run.rebuiltFrom ?? run.merge;
      const { base } = run;
      // Built anew, it has lost what was rolled back, tests too: it is compared with the branch as that is without this change.
      const without = run.rebuiltFrom && (await repo.mergedTree(run.merge.commit, commit, base.commit));
      const baseTree = without ?? base.tree;
      const source = await sourceOf(baseTree, tree);
      const release = factory.ids.next('rel') as ReleaseId;
      return {
        spec: {
          ...common,
          role: 'deploy',
          baseTree,
          source,
          plan,
          patch: await artifacts.put(await repo.diff(baseTree, tree)),
          release,
          commit,
          tree,
          changed: await repo.changed(baseTree, tree),
          before: await lastHealthy(factory.trail, run),
        },
        inputs,
      };
    }
  }
}

/** What was last said of a canary that came to serve: what is normal here. */
async function lastHealthy(trail: Ports['trail'], { repo }: Run): Promise<string | null> {
  const all = (await trail.read(streamOf.target(repo))).map(({ entry }) => entry);
  const served = new Set(
    all.flatMap((entry) => (entry?.type === 'target.released' ? [entry.data.release] : [])),
  );
  const last = all
    .flatMap((entry) => (entry?.type === 'target.judged' ? [entry.data] : []))
    .findLast(({ verdict, release }) => verdict === 'healthy' && served.has(release));
  return last === undefined ? null : `${last.reason} (at ${last.percent} %)`.slice(0, 2_000);
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
      `${why} What it is meant to do:\n\n${plan.tasks.map((one) => `## ${one.id}: ${one.title}\n\n${one.instructions}`).join('\n\n')}`.slice(
        0,
        20_000,
      ),
    dependsOn: [],
    acceptance: plan.tasks.flatMap((one) => one.acceptance).slice(0, 32),
  };
}

/** Null for the whole of several tasks; a task that is alone is reviewed as the whole. */
function taskUnderReview(plan: Plan, task: TaskId | null, work: Work): PlanTask | null {
  if (task !== null) return taskOf(plan, task, work);
  return plan.kind === 'tasks' && plan.tasks.length === 1 ? (plan.tasks[0] ?? null) : null;
}

const MAX_FEEDBACK = 20;

/** Rework on the whole of a single task is work on that task: it knows what came before. */
function allFeedback(run: Run, work: Work): readonly FeedbackRef[] {
  const [only, ...others] = run.tasks;
  if (work.task !== null || only === undefined || others.length > 0) return work.feedback;
  // What was sent back before the whole was reworked is what the task's implementer had made.
  const made = only.made?.change ?? null;
  return [...only.feedback, ...work.feedback.map((one) => ({ ...one, change: one.change ?? made }))];
}

async function readFeedback(factory: Ports, ref: FeedbackRef): Promise<Feedback> {
  const { artifacts } = factory.store;
  const said = ref.change === null ? {} : { said: await saidOf(factory, ref.change) };
  switch (ref.kind) {
    case 'review':
      return { kind: 'review', review: await getJson(artifacts, Review, ref.review), ...said };
    case 'tests':
      return { kind: 'tests', report: await getJson(artifacts, TestReport, ref.report), ...said };
    case 'conflict':
      return {
        kind: 'conflict',
        paths: ref.paths,
        message:
          'Work that was integrated before yours changed the same places. HEAD~1 is that work, your change lies on top with both sides between conflict markers that name their tasks. Keep both intents, leave no marker, change nothing else.',
        ...said,
      };
    case 'refused':
      return { kind: 'refused', message: ref.message, ...said };
    case 'unfinished': {
      const { summary: done, open } = await getJson(artifacts, Unfinished, ref.unfinished);
      return { kind: 'unfinished', done, open, ...said };
    }
    case 'answer':
      return { kind: 'answer', question: ref.question, answer: ref.answer, ...said };
  }
}

async function saidOf(factory: Ports, change: Digest): Promise<Said> {
  const { summary, commitMessage } = await getJson(factory.store.artifacts, ChangeSet, change);
  return { summary, commitMessage };
}

async function readDispute({ store: { artifacts } }: Ports, { checks, by, said }: Dispute) {
  const read = await getJson(artifacts, AcceptanceChecks, checks);
  if (by === 'implement') {
    const { reason, summary } = await getJson(artifacts, Blocked, said);
    return { checks: read, by, why: `${reason}\n\n${summary}` };
  }
  const { summary, findings } = await getJson(artifacts, Review, said);
  const found = findings.map(({ path, line, message }) => `- ${path}${line ? `:${line}` : ''}: ${message}`);
  return { checks: read, by, why: [summary, ...found].join('\n') };
}

/** A task that was too large for one attempt, and what is kept of it. */
async function splitOf(
  factory: Ports,
  repo: Repository,
  run: Run,
  task: TaskId,
): Promise<NonNullable<SpecOf<'plan'>['split']>> {
  const { artifacts } = factory.store;
  const work = need(workOf(run, task));
  const plan = await getJson(artifacts, Plan, need(run.plan));
  const { summary: done, open } = await getJson(artifacts, Unfinished, need(work.unfinished));
  const from = need(work.base).tree;
  const tree = work.start ?? from;
  const paths = await repo.changed(from, tree);
  return { plan, task: taskOf(plan, task, work), done, open, from, tree, paths };
}

/** How often the work may be sent back before the run ends. */
const triesLeft = (run: Run, work: Work): number => Math.max(0, run.limits.reworks - work.reworks);

/** Of the repository's own where its file has some, else of the factory. */
function limitsOf({ attempt }: Settings, { stage }: RepoConfig, role: Role): AttemptSpec['limits'] {
  const share = shareOfLimits(role);
  return {
    turns: Math.ceil((stage?.turns ?? attempt.turns) * share),
    conversations: stage?.conversations ?? attempt.conversations,
    wallMs: stage?.time || attempt.wallMs,
    usd: (stage?.usd ?? attempt.usd) * share,
  };
}

/** What a reviewer knows of the work besides the change: its author's words, earlier reviews, what changed since, what its parts left open. */
async function reviewedBefore(
  factory: Ports,
  repo: Repository,
  run: Run,
  task: TaskId | null,
  tree: GitSha,
): Promise<Pick<SpecOf<'review'>, 'said' | 'earlier' | 'interdiff' | 'conflict' | 'open'>> {
  const { artifacts } = factory.store;
  const alone = run.tasks.length === 1;
  const before = run.reviews.filter((one) => alone || one.task === task);
  const parts = task === null && !alone ? run.reviews.filter((one) => one.task !== null) : [];
  const read = (of: Run['reviews']) =>
    Promise.all(of.map(({ review }) => getJson(artifacts, Review, review)));
  const [earlier, approved] = await Promise.all([
    read(before),
    read(parts.filter((one) => one.verdict === 'approve')),
  ]);
  const last = before.at(-1);
  const work = workOf(run, task);
  const change = work?.made?.change ?? null;
  const met = work?.feedback.findLast((one) => one.kind === 'conflict');
  const conflict = met !== undefined && met.approved !== null && met.approved === last?.patchId ? met : null;
  const since = conflict?.start ?? last?.tree ?? null;
  return {
    said:
      task === null
        ? { summary: await summaries(factory, run), commitMessage: await commitMessageOf(factory, run) }
        : await saidOf(factory, need(change)),
    earlier,
    interdiff: since === null || since === tree ? null : await artifacts.put(await repo.diff(since, tree)),
    ...(conflict === null
      ? {}
      : {
          conflict: {
            paths: conflict.paths,
            alone: await resolvedAlone(repo, conflict.start, tree, conflict.paths),
          },
        }),
    open: approved.flatMap(({ findings }) => findings),
  };
}

/** What the implementers said, one after the other. */
async function summaries(factory: Ports, run: Run): Promise<string> {
  const made = [...run.tasks, run.integration].flatMap((work) =>
    work.made === null ? [] : [work.made.change],
  );
  const said = await Promise.all(made.map((change) => saidOf(factory, change)));
  return said.map(({ summary }) => summary).join('\n\n');
}

/** A task's own change, or the run's whole one. The diff is the factory's own, made again from the two trees. */
async function reviewSubject(factory: Ports, repo: Repository, run: Run, task: TaskId | null) {
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
