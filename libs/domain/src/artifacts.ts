import { z } from 'zod';
import { Digest, GitSha, Instant, PatchId, ReleaseId, TaskId } from './ids.ts';
import { freeText } from './words.ts';

// What stages hand each other: never chat, always one of these, schema-checked, stored once under its SHA-256 and referred to by
// digest ever after.  Plan → ChangeSet → Review → TestReport → Release → Outcome.

export const TicketKind = z.enum([
  'feature',
  'bug',
  'security',
  'dependency',
  'refactor',
  'docs',
  'performance',
  'incident',
]);
export type TicketKind = z.infer<typeof TicketKind>;

/** A ticket as filed. 256 KiB at most, checked at intake. */
export const Ticket = z.strictObject({
  title: freeText(z.string().min(1).max(300)),
  kind: TicketKind.default('feature'),
  priority: z.string().max(32).optional(),
  labels: z.array(z.string().max(64)).max(32).default([]),
  acceptance: z
    .array(freeText(z.string().min(1).max(2_000)))
    .max(32)
    .default([]),
  body: freeText(z.string().max(262_144)).default(''),
});
export type Ticket = z.infer<typeof Ticket>;

export const PlanTask = z.strictObject({
  id: TaskId,
  title: freeText(z.string().min(1).max(300)),
  instructions: freeText(z.string().min(1).max(20_000)),
  dependsOn: z.array(TaskId).max(16).default([]),
  acceptance: z
    .array(freeText(z.string().min(1).max(2_000)))
    .max(32)
    .default([]),
});
export type PlanTask = z.infer<typeof PlanTask>;

/** A planner hands back tasks, or one question for the ticket's author instead. */
export const Plan = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tasks'),
    summary: freeText(z.string().max(20_000)),
    tasks: z.array(PlanTask).min(1),
  }),
  z.strictObject({
    kind: z.literal('question'),
    summary: freeText(z.string().max(20_000)),
    question: freeText(z.string().min(1).max(20_000)),
  }),
]);
export type Plan = z.infer<typeof Plan>;

export const ChangedPath = z.strictObject({
  path: z.string().min(1).max(4_096),
  status: z.enum(['added', 'modified', 'deleted', 'type_changed']),
  added: z.number().int().nonnegative(),
  removed: z.number().int().nonnegative(),
});
export type ChangedPath = z.infer<typeof ChangedPath>;

/** What an implementer made, as extracted from its dead container. `patch` is the artifact of `git diff --binary --full-index base tree`. */
export const ChangeSet = z.strictObject({
  summary: freeText(z.string().max(20_000)),
  commitMessage: freeText(z.string().min(1).max(10_000)),
  /** The tree that the patch applies to. */
  baseTree: GitSha,
  /** The tree that results. Computed in the extraction container and again, independently, by the orchestrator: they must agree. */
  tree: GitSha,
  patch: Digest,
  patchId: PatchId,
  paths: z.array(ChangedPath),
});
export type ChangeSet = z.infer<typeof ChangeSet>;

export const Finding = z.strictObject({
  path: z.string().max(4_096),
  line: z.number().int().positive().optional(),
  severity: z.enum(['blocker', 'major', 'minor']),
  message: freeText(z.string().min(1).max(5_000)),
});
export type Finding = z.infer<typeof Finding>;

/** Bound to the patch: another patch-id is another change, and needs another review. */
export const Review = z.strictObject({
  patchId: PatchId,
  verdict: z.enum(['approve', 'request_changes']),
  summary: freeText(z.string().max(20_000)),
  findings: z.array(Finding).max(200),
});
export type Review = z.infer<typeof Review>;

/** Acceptance checks that the tester wrote from ticket and plan, without seeing the implementation. `files` is a tar of its scratch workspace's additions. */
export const AcceptanceChecks = z.strictObject({
  summary: freeText(z.string().max(20_000)),
  checks: z
    .array(
      z.strictObject({
        acceptance: freeText(z.string().min(1).max(2_000)),
        command: freeText(z.string().min(1).max(4_000)),
      }),
    )
    .max(64),
  files: Digest.nullable(),
});
export type AcceptanceChecks = z.infer<typeof AcceptanceChecks>;

export const CommandResult = z.strictObject({
  command: freeText(z.string()),
  exitCode: z.number().int().nullable(),
  timedOut: z.boolean(),
  /** The end of the output, 16 KiB at most, redacted. */
  output: freeText(z.string().max(16_384)),
  ms: z.number().nonnegative(),
});
export type CommandResult = z.infer<typeof CommandResult>;

/** Computed by the factory on the exact tree; nothing in it was said by a model or by the code under test alone. */
export const TestReport = z.strictObject({
  tree: GitSha,
  /** `invalid`: the run cannot be believed (canary tests missing, a known test no longer reports). Never a pass. */
  verdict: z.enum(['passed', 'failed', 'invalid']),
  /** One sentence that a person can act on. */
  reason: freeText(z.string().max(4_000)),
  runner: z.enum(['node', 'vitest', 'jest', 'mocha', 'unknown', 'none']),
  /** Names known to be reported; empty lists for runners whose names are unknown. */
  names: z.strictObject({
    base: z.number().int(),
    reported: z.number().int(),
    missing: z.array(z.string()).max(200),
    failing: z.array(z.string()).max(200),
  }),
  suite: CommandResult.nullable(),
  /** The base's own copies of the test files that the change touched: a fact for the gate, not a verdict. */
  baseTests: z.strictObject({
    files: z.array(z.string()),
    failing: z.array(z.string()),
    result: CommandResult.nullable(),
  }),
  acceptance: z.array(z.strictObject({ acceptance: freeText(z.string()), result: CommandResult })),
  checks: Digest.nullable(),
});
export type TestReport = z.infer<typeof TestReport>;

/** Built once from the merged tree. `layer` is the tar of the built application folder, the bytes that were tested and that ship. */
export const Release = z.strictObject({
  id: ReleaseId,
  commit: GitSha,
  tree: GitSha,
  layer: Digest,
  /** The image that the layer lies on, by the engine's image id. */
  image: z.string(),
  test: TestReport,
  notes: freeText(z.string().max(20_000)),
  watch: z.array(freeText(z.string().max(1_000))).max(32),
});
export type Release = z.infer<typeof Release>;

export const Outcome = z.strictObject({
  release: ReleaseId,
  result: z.enum(['promoted', 'rolled_back', 'failed']),
  /** What was seen, for the reopened ticket. */
  evidence: freeText(z.string().max(20_000)),
  /** The release that serves now, or null when none does. */
  live: ReleaseId.nullable(),
  startedAt: Instant,
  endedAt: Instant,
});
export type Outcome = z.infer<typeof Outcome>;

/** What the merge gate judges and the merge queue lands: the run's whole change against the base it stands on. */
export const Change = z.strictObject({ base: GitSha, commit: GitSha, tree: GitSha, patchId: PatchId });
export type Change = z.infer<typeof Change>;
