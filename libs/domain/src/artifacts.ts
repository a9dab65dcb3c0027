import { z } from 'zod';
import { Digest, GitSha, PatchId, ReleaseId, TaskId } from './ids.ts';
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
  /** `PATH: where`, of files that a task beside it writes in too; absent where there are none. */
  places: z
    .array(freeText(z.string().min(1).max(500)))
    .max(16)
    .optional(),
});
export type PlanTask = z.infer<typeof PlanTask>;

/** Lines of a file as a planner saw them, from 1; `text` is read from the tree by the factory. */
export const Excerpt = z.strictObject({
  path: z.string().min(1).max(4_096),
  from: z.number().int().positive(),
  to: z.number().int().positive(),
  text: freeText(z.string().max(20_000)),
});
export type Excerpt = z.infer<typeof Excerpt>;

/** A planner hands back tasks, or one question for the ticket's author instead. */
export const Plan = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tasks'),
    summary: freeText(z.string().max(20_000)),
    /** Commands and what they showed on the base, without a word of how the change will be made: the tester reads it too. */
    measured: freeText(z.string().max(20_000)).optional(),
    excerpts: z.array(Excerpt).max(16).optional(),
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

/** What an implementer hands in instead of a change: why there is none to make here. The factory asks a person with it. */
export const Blocked = z.strictObject({
  kind: z.literal('blocked'),
  summary: freeText(z.string().max(20_000)),
  reason: freeText(z.string().min(1).max(10_000)),
});
export type Blocked = z.infer<typeof Blocked>;

/** What an implementer leaves of a task that is too large for one attempt: the planner splits what is open, what is done is kept. */
export const Unfinished = z.strictObject({
  kind: z.literal('unfinished'),
  /** What is done. */
  summary: freeText(z.string().max(20_000)),
  /** What is open, what was tried and why it failed. */
  open: freeText(z.string().min(1).max(20_000)),
  /** Null: the workspace is as it was. */
  change: ChangeSet.omit({ summary: true, commitMessage: true }).nullable(),
});
export type Unfinished = z.infer<typeof Unfinished>;

/**
 * What an attempt whose stage was over before its work was tells the next attempt of that stage: done, open, tried. `workspace`: of a role that
 * writes, as its last turn left it, and the tree that it lies on.
 */
export const HandedOver = z.strictObject({
  note: freeText(z.string().min(1).max(20_000)),
  workspace: z.strictObject({ kept: Digest, on: GitSha }).optional(),
});
export type HandedOver = z.infer<typeof HandedOver>;

/** What comes of an implement stage. */
export const Implemented = z.union([ChangeSet, Blocked, Unfinished]);
export type Implemented = z.infer<typeof Implemented>;

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

/** Faults that an agent came across outside of its task: nobody mends them now, and people may file tickets of them. */
export const Noticed = z.strictObject({
  faults: z
    .array(freeText(z.string().min(1).max(1_000)))
    .min(1)
    .max(10),
});
export type Noticed = z.infer<typeof Noticed>;

/** The only folder the tester writes to: what is in it becomes the acceptance checks' files. */
export const CHECKS_FOLDER = '.millwright-checks';

/** Acceptance checks that the tester wrote from ticket and plan, without seeing the implementation. `files` is a tar of its scratch workspace's additions. */
export const AcceptanceChecks = z.strictObject({
  summary: freeText(z.string().max(20_000)),
  checks: z
    .array(
      z.strictObject({
        acceptance: freeText(z.string().min(1).max(2_000)),
        command: freeText(z.string().min(1).max(4_000)),
        /** A change (where nothing is said) fails before it and holds after it, a guard holds before and after. */
        kind: z.enum(['change', 'guard']).optional(),
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

/** An acceptance check, run on the candidate and, the same way, on its base. */
export const AcceptanceResult = z.strictObject({
  acceptance: freeText(z.string()),
  kind: z.enum(['change', 'guard']),
  result: CommandResult,
  before: CommandResult,
  /** No word was said for it, and what ends with 0 is a program of the tree: nobody can tell whether it is met. */
  byTree: z.literal(true).optional(),
});
export type AcceptanceResult = z.infer<typeof AcceptanceResult>;

/** Why a check says nothing of the change, in words; null where it counts. */
export function uncounted({ kind, result, before, byTree }: AcceptanceResult): string | null {
  if (byTree === true && result.exitCode === 0)
    return 'nobody can tell whether it is met: nothing but a program of the tree says so, by its exit code';
  if (kind === 'guard')
    return before.exitCode === 0 ? null : 'it is to hold before and after, and does not hold on the base';
  return before.exitCode === 0 && result.exitCode === 0
    ? 'it is to show the change, and holds on the base already'
    : null;
}
export const isUnmet = (check: AcceptanceResult): boolean =>
  check.result.exitCode !== 0 && uncounted(check) === null;

/**
 * What the factory says of a tree's tests. `no_tests`: nothing ran that could have failed. `failing_as_on_base`: what fails here fails on
 * the base too, so it is nobody's to mend in this change. `invalid`: the run cannot be believed (canary tests missing, a known test no longer
 * reports). Only `passed` is a pass; nothing untested ever reads so.
 */
export const Verdict = z.enum(['passed', 'failed', 'no_tests', 'failing_as_on_base', 'invalid']);
export type Verdict = z.infer<typeof Verdict>;

/** A verdict in words, for people. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  passed: 'passed',
  failed: 'failed',
  no_tests: 'no tests',
  failing_as_on_base: 'failing as on the base',
  invalid: 'invalid',
};

/** Whether the change goes back to its implementer. The other verdicts go on to the gate, which knows them apart. */
export const sendsBack = (verdict: Verdict): boolean => verdict === 'failed' || verdict === 'invalid';

/** Something that a person should look at before this report counts. `code` is stable, `text` is for people. */
export const TestDoubt = z.strictObject({
  code: z.string().max(64),
  text: freeText(z.string().max(500)),
  path: z.string().max(4_096).optional(),
  line: z.number().int().positive().optional(),
});
export type TestDoubt = z.infer<typeof TestDoubt>;
/** With its place, for people and reviewers: what the change is said to do, as in "changes package.json". */
export const doubtText = ({ text, path, line }: TestDoubt): string =>
  path === undefined ? text : `${text} (${path}${line === undefined ? '' : `:${line}`})`;

const Names = z.array(z.string()).max(200);

/** Computed by the factory on the exact tree; nothing in it was said by a model or by the code under test alone. */
export const TestReport = z.strictObject({
  tree: GitSha,
  verdict: Verdict,
  /** One sentence that a person can act on. */
  reason: freeText(z.string().max(4_000)),
  /** The runner's name, `unknown` or `none`. */
  runner: z.string().max(64),
  /**
   * How far the run was followed. `proven`: by name, from files that carried canaries; `by_name`: names without canaries; `by_exit_code`:
   * the command's exit code, and nothing else; `not_run`.
   */
  followed: z.enum(['proven', 'by_name', 'by_exit_code', 'not_run']),
  /** Why it was not followed as far as this runner can be: what the harness changed on the base. */
  fellBack: freeText(z.string().max(1_000)).nullable(),
  /** Names known to be reported; empty lists for runners whose names are unknown. */
  names: z.strictObject({
    base: z.number().int(),
    reported: z.number().int(),
    missing: Names,
    failing: Names,
    /** Failing here and on the base: nobody is sent back for them. */
    failingOnBase: Names,
    /** Failing on the base, or new and failing with the base's code; passing here. */
    turned: Names,
  }),
  suite: CommandResult.nullable(),
  /** What failed, grouped by what it said; the largest group first. */
  failures: z
    .array(
      z.strictObject({
        cause: freeText(z.string().max(4_000)),
        tests: z.array(z.string()).max(20),
        count: z.number().int(),
      }),
    )
    .max(50),
  /** Files that the base's run reported tests of, by name; null where it could not tell. What else looks like a test is none. */
  testFiles: z.array(z.string().max(4_096)).max(10_000).nullable(),
  /** The base's own copies of the test files that the change touched: a fact for the gate, not a verdict. */
  baseTests: z.strictObject({
    files: z.array(z.string()),
    failing: z.array(z.string()),
    result: CommandResult.nullable(),
  }),
  /** The tests that the change adds or changes, run against the base's code. `passing` would have passed without the change. */
  ownTests: z.strictObject({ files: z.array(z.string()), passing: Names, failing: Names }).nullable(),
  /** Small faults put into the changed lines, one at a time: whether any test notices. Null where there was nothing to put one in. */
  mutants: z
    .strictObject({
      tried: z.number().int(),
      noticed: z.number().int(),
      survivors: z
        .array(z.strictObject({ path: z.string(), line: z.number().int(), what: z.string().max(300) }))
        .max(50),
    })
    .nullable(),
  doubts: z.array(TestDoubt).max(100),
  acceptance: z.array(AcceptanceResult),
  checks: Digest.nullable(),
});
export type TestReport = z.infer<typeof TestReport>;

/** A report that says nothing but what it is given: nothing was run. */
export const testReport = (
  said: Pick<TestReport, 'tree' | 'verdict' | 'reason'> & Partial<TestReport>,
): TestReport => ({
  runner: 'none',
  followed: 'not_run',
  fellBack: null,
  names: { base: 0, reported: 0, missing: [], failing: [], failingOnBase: [], turned: [] },
  suite: null,
  failures: [],
  testFiles: null,
  baseTests: { files: [], failing: [], result: null },
  ownTests: null,
  mutants: null,
  doubts: [],
  acceptance: [],
  checks: null,
  ...said,
});

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

/** What the merge gate judges and the merge queue lands: the run's whole change against the base it stands on. */
export const Change = z.strictObject({ base: GitSha, commit: GitSha, tree: GitSha, patchId: PatchId });
export type Change = z.infer<typeof Change>;
