import { z } from 'zod';
import {
  AcceptanceChecks,
  ChangedPath,
  Finding,
  Plan,
  PlanTask,
  Review,
  TestReport,
  Ticket,
} from './artifacts.ts';
import { RepoConfig } from './config.ts';
import { AttemptId, Digest, GitSha, Instant, PatchId, ReleaseId, RepoName, RunId } from './ids.ts';
import { freeText } from './words.ts';

/** The five roles; also the five kinds of stage, one a role. */
export const Role = z.enum(['plan', 'implement', 'review', 'test', 'deploy']);
export type Role = z.infer<typeof Role>;

/** Of the turns and the money that a stage may take: who only reads needs a part of what who writes needs. */
export const shareOfLimits = (role: Role): number => (role === 'implement' ? 1 : 0.5);

/**
 * Sources travel as git bundles: `bundle` holds what the trees have and those of `on`, the oldest first, have not. A tree's commit is
 * `refs/history/<tree sha>`, on what led to it, or `refs/snapshots/<tree sha>`, alone. An attempt's workspace has what leads to its trees, and nothing else of them.
 */
const Source = z.strictObject({
  bundle: Digest,
  /** Absent: it needs none, as in specifications from before there were such. */
  on: z.array(Digest).max(100).optional(),
  trees: z.array(GitSha).min(1),
});

/** What an implementer said of a change. */
export const Said = z.strictObject({
  summary: freeText(z.string()),
  commitMessage: freeText(z.string()),
});
export type Said = z.infer<typeof Said>;

/** Of what was sent back; absent where nothing was handed in. */
const of = { said: Said.optional() };

/** Why an implementer is asked again. Everything in it is data for the model, not authority. */
export const Feedback = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('review'), review: Review, ...of }),
  z.strictObject({ kind: z.literal('tests'), report: TestReport, ...of }),
  z.strictObject({
    kind: z.literal('conflict'),
    paths: z.array(z.string()),
    message: freeText(z.string()),
    ...of,
  }),
  /** The attempt before left it so, being too large for one: `done`, and `open` with what was tried. */
  z.strictObject({
    kind: z.literal('unfinished'),
    done: freeText(z.string()),
    open: freeText(z.string()),
    ...of,
  }),
  z.strictObject({ kind: z.literal('refused'), message: freeText(z.string()), ...of }),
  /** A person's word on why the implementer could not go on. */
  z.strictObject({
    kind: z.literal('answer'),
    question: freeText(z.string()),
    answer: freeText(z.string()),
    ...of,
  }),
]);
export type Feedback = z.infer<typeof Feedback>;

const common = {
  attempt: AttemptId,
  run: RunId,
  repo: RepoName,
  ticket: Ticket,
  config: RepoConfig,
  source: Source,
  /** The base as the run found it: test command, configuration and test files are taken from here. */
  baseTree: GitSha,
  limits: z.strictObject({
    turns: z.number().int().positive(),
    wallMs: z.number().int().positive(),
    usd: z.number().positive(),
    /** That may be filled one after the other; absent in specifications from before there was such a limit. */
    conversations: z.number().int().positive().optional(),
  }),
  /** Scopes that its calls are reserved in, the widest first: factory, repository, ticket, run. */
  budgets: z.array(z.string()).min(1),
  deadline: Instant,
  /** What the attempt before knew, whose stage was over before its work was. */
  handedOver: freeText(z.string()).optional(),
  /** Its workspace to begin with, where it lies on the same tree. */
  workspace: Digest.optional(),
};

/** What a runner needs to do one attempt, as an artifact: nothing else reaches it. */
export const AttemptSpec = z.discriminatedUnion('role', [
  z.strictObject({
    ...common,
    role: z.literal('plan'),
    maxTasks: z.number().int(),
    answers: z.array(z.strictObject({ question: freeText(z.string()), answer: freeText(z.string()) })),
    evidence: z.array(freeText(z.string())),
    /** The plan stands; one task of it was too large for one attempt. `tree`: what is kept of it, on `from`. Absent: there is no plan yet. */
    split: z
      .strictObject({
        plan: Plan,
        task: PlanTask,
        done: freeText(z.string()),
        open: freeText(z.string()),
        from: GitSha,
        tree: GitSha,
        paths: z.array(ChangedPath),
      })
      .optional(),
  }),
  z.strictObject({
    ...common,
    role: z.literal('implement'),
    plan: Plan,
    task: PlanTask,
    /** The tree the change is measured against, and the tree the workspace starts from (the same, but for rework and conflicts). */
    from: GitSha,
    start: GitSha,
    /** All of it, the oldest first: the attempt is one more than there are. */
    feedback: z.array(Feedback),
    /** How often the work may still be sent back. */
    triesLeft: z.number().int().nonnegative(),
  }),
  z.strictObject({
    ...common,
    role: z.literal('review'),
    plan: Plan,
    task: PlanTask.nullable(),
    patch: Digest,
    patchId: PatchId,
    paths: z.array(ChangedPath),
    from: GitSha,
    tree: GitSha,
    /** What the implementer said of it; the message is the one that lands. */
    said: Said,
    /** Reviews of this work before, the oldest first, and what has changed since the last; absent where none was. */
    earlier: z.array(Review),
    interdiff: Digest.nullable(),
    /**
     * What was approved last met other work at the same places. `interdiff` leads then from both sides between markers to what stands there now; `alone`:
     * nothing but those places was touched. Absent: there was none.
     */
    conflict: z.strictObject({ paths: z.array(z.string()), alone: z.boolean() }).optional(),
    /** Of the run as a whole: what its parts' reviews left open. */
    open: z.array(Finding),
    /** What the tests and the acceptance checks said of this tree. */
    tested: TestReport,
    triesLeft: z.number().int().nonnegative(),
  }),
  z.strictObject({
    ...common,
    role: z.literal('test'),
    plan: Plan,
    /** What was held against the checks before, the oldest first; the tester writes them again. Absent: nothing was. */
    disputed: z
      .array(
        z.strictObject({
          checks: AcceptanceChecks,
          by: z.enum(['review', 'implement']),
          why: freeText(z.string()),
        }),
      )
      .optional(),
    /** Null: the tester writes its checks. Else this tree is tested, and no model is asked. */
    tree: GitSha.nullable(),
    changed: z.array(ChangedPath),
    /** The checks that are run on the tree as well; null on that of a task, which is a part of the change. */
    checks: Digest.nullable(),
  }),
  z.strictObject({
    ...common,
    role: z.literal('deploy'),
    plan: Plan,
    /** From the base to the tree that ships. */
    patch: Digest,
    release: ReleaseId,
    commit: GitSha,
    tree: GitSha,
    changed: z.array(ChangedPath),
    /** What was last measured of a canary that came to serve, in words; null where none was. */
    before: z.string().max(2_000).nullable().default(null),
  }),
]);
export type AttemptSpec = z.infer<typeof AttemptSpec>;
export type SpecOf<R extends Role> = Extract<AttemptSpec, { role: R }>;
