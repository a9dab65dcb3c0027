import {
  Digest,
  Envelope,
  Finding,
  GateAction,
  GateId,
  HaltScope,
  Instant,
  OutsideAccount,
  OutsideEffect,
  OutsideReference,
  PersonId,
  PersonRole,
  PlaceKind,
  Plan,
  ReleaseId,
  RepoName,
  RiskClass,
  Role,
  RoleScope,
  RunEnd,
  RunId,
  RunnerName,
  TestReport,
  Ticket,
  TicketId,
  TicketKind,
  Undo,
  UnitName,
  Usage,
} from '@millwright/domain';
import { z } from 'zod';
import { Act, Next } from './acts.ts';

// What the HTTP API says and hears; which route says what is in routes.ts. Times are milliseconds since the epoch.

/** `roles`: had everywhere; `grants`: every one, with where it is had. */
const Roles = {
  roles: z.array(PersonRole),
  grants: z.array(z.object({ role: PersonRole, scope: RoleScope })),
};
export const NewInvitation = z.strictObject({
  name: z.string().min(1).max(200),
  roles: z.array(PersonRole).min(1),
  /** Where they have the roles; everywhere, where none is said. */
  scope: RoleScope.default({ kind: 'factory' }),
});
export const NewGrant = z.strictObject({
  role: PersonRole,
  scope: RoleScope.default({ kind: 'factory' }),
  reason: z.string().min(1).max(2_000),
});
/** `invited`: has a code and no token yet; `expired`: the code's time is over; `erased`: the name is gone. */
const PersonState = z.enum(['enrolled', 'invited', 'expired', 'erased']);
export const PersonView = z.object({
  id: PersonId,
  name: z.string(),
  ...Roles,
  state: PersonState,
  /** Until when the code of an invitation may be used; null where there is none. */
  expiresAt: z.number().nullable(),
  /** What they are outside. */
  accounts: z.array(OutsideAccount),
});
export type PersonView = z.infer<typeof PersonView>;
/** An account of the place that `repo` is connected to, as it is called now. */
export const NewAccount = z.strictObject({
  repo: z.string().min(1).max(100),
  account: z.string().min(1).max(100),
  reason: z.string().min(1).max(2_000),
});
/** The code is shown once, to who invites. It is no token: it is used once, by who is invited, and gives the token to them alone. */
export const Invitation = z.object({
  id: PersonId,
  name: z.string(),
  ...Roles,
  code: z.string(),
  expiresAt: z.number(),
});
export const Acceptance = z.strictObject({ code: z.string().min(1).max(200) });
/** The token is shown once, to whose it is. */
export const AcceptedPerson = z.object({
  id: PersonId,
  name: z.string(),
  ...Roles,
  token: z.string(),
});
/** Who rotates their own token gets the new one; who rotates another's, a code for them. */
export const Rotated = z.discriminatedUnion('kind', [
  AcceptedPerson.extend({ kind: z.literal('own') }),
  Invitation.extend({ kind: z.literal('other') }),
]);

export const NewRepo = z.strictObject({
  url: z.string().min(1).max(2_000),
  name: z.string().optional(),
  branch: z.string().min(1).max(200).default('main'),
  deliver: z.enum(['merge', 'branch']).default('merge'),
  /** The default one, where none is said. */
  unit: UnitName.optional(),
  /** What an https remote is answered when it asks for a password. Kept as the repository's secret GIT_TOKEN. */
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,4096}$/, 'a token is printable ASCII without spaces')
    .optional(),
});
export type NewRepo = z.input<typeof NewRepo>;
/** A place outside where a repository's tickets are written and its changes reviewed. */
export const NewConnection = z.strictObject({
  kind: PlaceKind,
  /** The address of the service's interface. */
  api: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .default('https://api.github.com'),
  /** As it is called there: `owner/name`. */
  project: z.string().regex(/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/, 'a project is owner/name'),
  /** What makes an issue a ticket. */
  label: z.string().min(1).max(50).default('millwright'),
  /** Of the account that acts there for the factory. Kept as a secret of the repository, and used by the orchestrator alone. */
  token: z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'a token is printable ASCII without spaces'),
});
/** Something that will be done there, and whether it may be; `unknown`: it cannot be tried without doing it. */
export const Right = z.object({ right: z.string(), has: z.enum(['yes', 'no', 'unknown']), fix: z.string() });
export const ConnectionView = z.object({
  repo: RepoName,
  kind: PlaceKind,
  api: z.string(),
  project: z.string(),
  label: z.string(),
  /** What keeps the place from being asked and told now, and until when; nothing is lost meanwhile. Null: all is well. */
  delay: z.object({ reason: z.string(), since: z.number(), until: z.number() }).nullable(),
});
export type ConnectionView = z.infer<typeof ConnectionView>;
export const Connected = ConnectionView.extend({
  rights: z.array(Right),
  /** Where the place may deliver what happens there, so that nobody waits for the next look, and the secret to sign that with. Told once. */
  deliveries: z.object({ path: z.string(), secret: z.string() }),
});

/**
 * What cannot work as a repository stands, found before anything is paid for. `blocks`: no run is started until it is mended; otherwise it is
 * only likely to matter. `fix` is what to do.
 */
export const SetupTrouble = z.object({
  code: z.string(),
  text: z.string(),
  fix: Next,
  blocks: z.boolean(),
});
export type SetupTrouble = z.infer<typeof SetupTrouble>;

export const RepoView = z.object({
  name: RepoName,
  unit: UnitName,
  url: z.string(),
  branch: z.string(),
  deliver: z.enum(['merge', 'branch']),
  step: z.number().int(),
  /**
   * Kinds of change at a lower step than the repository: since when, what was rolled back, and what they show since. An administrator raises one
   * up to `upTo`; to `earned` where that is not null, not for tickets of their own.
   */
  demoted: z.array(
    z.object({
      kind: TicketKind,
      step: z.number().int(),
      upTo: z.number().int(),
      since: z.number(),
      release: ReleaseId.nullable(),
      served: z.number().int(),
      needed: z.number().int(),
      earned: z.number().int().nullable(),
    }),
  ),
  live: ReleaseId.nullable(),
  address: z.string().nullable(),
  /** The ceiling of its `millwright.yaml`: a step above it is set and not used. Null where the file cannot be read now. */
  ceiling: z.number().int().nullable(),
  /** What cannot work; empty where all is well. */
  troubles: z.array(SetupTrouble),
});
export type RepoView = z.infer<typeof RepoView>;

/** The unit that a repository is of from now on. */
export const NewPlace = z.strictObject({ unit: UnitName, reason: z.string().min(1).max(2_000) });
export const NewUnit = z.strictObject({ name: UnitName, reason: z.string().min(1).max(2_000) });
/** Cedar's text, which may only forbid; null takes the unit's policy away. */
export const NewUnitPolicy = z.strictObject({
  policy: z.string().min(1).max(32_768).nullable(),
  reason: z.string().min(1).max(2_000),
});
export const UnitView = z.object({
  name: UnitName,
  repos: z.array(RepoName),
  /** What its own layer of policy says; null where it has none. */
  policy: z.string().nullable(),
});
export type UnitView = z.infer<typeof UnitView>;

/** A runner that lives. */
export const RunnerView = z.object({
  name: RunnerName,
  version: z.string(),
  /** Attempts at a time. */
  concurrency: z.number().int(),
  platform: z.string(),
  arch: z.string(),
  /** What it has that a repository may ask for. */
  labels: z.array(z.string()),
  since: z.number(),
  /** What it holds now. */
  holds: z.array(
    z.object({
      attempt: z.string(),
      /** Null where that is not known yet. */
      run: RunId.nullable(),
      title: z.string().nullable(),
      since: z.number().nullable(),
    }),
  ),
  /** It takes nothing, and hands on what it has; null: it takes work. */
  drained: z.object({ by: z.string(), reason: z.string(), at: z.number() }).nullable(),
});
export type RunnerView = z.infer<typeof RunnerView>;

/** A layer of the policy that a repository is judged by. */
export const PolicyLayer = z.object({
  layer: z.enum(['default', 'factory', 'unit', 'repository']),
  /** Whose it is and where it lies, in words. */
  source: z.string(),
  /** Of its text; null, as `text`, where there is none. */
  digest: Digest.nullable(),
  text: z.string().nullable(),
  policies: z.array(z.object({ id: z.string(), effect: z.enum(['permit', 'forbid']), says: z.string() })),
  /** Who set it, by name, when, where the trail says so, and why; null for what comes with Millwright or from the repository. */
  set: z
    .object({ by: z.string(), at: z.number(), position: z.number().int(), reason: z.string() })
    .nullable(),
  /** Why it is refused, and every gate with it; empty where all is well. */
  problems: z.array(z.string()),
});
export type PolicyLayer = z.infer<typeof PolicyLayer>;
/** What gates of a repository are judged by now: any layer after the first can only forbid. */
export const PolicyView = z.object({ repo: RepoName, unit: UnitName, layers: z.array(PolicyLayer) });
export type PolicyView = z.infer<typeof PolicyView>;

/** A fact by the name that policies read, with its value. */
const FactValue = z.union([z.boolean(), z.number(), z.string(), z.array(z.string())]);
/** Why a gate was decided so, from the facts and the policy that were kept with the decision. */
export const Explanation = z.object({
  gate: GateId,
  run: RunId,
  repo: RepoName,
  action: GateAction,
  decision: z.enum(['allow', 'deny', 'needs_approval']),
  approvalsNeeded: z.number().int(),
  reason: z.string(),
  /** Of its entry. */
  at: z.number(),
  position: z.number().int(),
  /** The policies that made it so. */
  policies: z.array(
    z.object({ id: z.string(), effect: z.enum(['permit', 'forbid']), says: z.string(), text: z.string() }),
  ),
  /** The facts that they read. */
  facts: z.array(z.object({ fact: z.string(), value: FactValue })),
  /**
   * The smallest sets of facts that would have to differ for another decision, each fact with its nearest such value; `complete`: none was missed.
   */
  smallest: z.array(z.array(z.object({ fact: z.string(), is: FactValue, would: FactValue }))),
  complete: z.boolean(),
  /** What is not as it seems: it was decided by no policy, or before policies were kept. */
  notes: z.array(z.string()),
});
export type Explanation = z.infer<typeof Explanation>;

const Decided = { decision: z.enum(['allow', 'deny', 'needs_approval']), approvals: z.number().int() };
/** A text for one layer: the factory's, a unit's or a repository's; null is none. Decisions from `since` on, before `before`, newest first. */
export const NewReplay = z.strictObject({
  scope: RoleScope,
  policy: z.string().max(32_768).nullable(),
  since: z.number().int().nonnegative(),
  before: z.number().int().positive().optional(),
  limit: z.number().int().min(1).max(500).default(200),
});
/** What would have been decided otherwise, had that text been in force. */
export const Replay = z.object({
  /** Decisions that were judged again; of those that could not be, `untold`. */
  judged: z.number().int(),
  untold: z.number().int(),
  flips: z.array(
    z.object({
      gate: GateId,
      run: RunId,
      repo: RepoName,
      action: GateAction,
      at: z.number(),
      position: z.number().int(),
      was: z.object(Decided),
      would: z.object({ ...Decided, policies: z.array(z.string()), reason: z.string() }),
      /** More would be let through, or for fewer people. */
      looser: z.boolean(),
    }),
  ),
  /** `before` of the next part; null where this was the last one. */
  next: z.number().int().nullable(),
});
export type Replay = z.infer<typeof Replay>;

export const NewSecret = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  value: z.string().min(1).max(65_536),
});
/** A scope of the tree of budgets and its cap in dollars; null lifts it. */
export const NewBudget = z.strictObject({
  scope: z
    .string()
    .regex(
      /^(factory|(unit|repo|ticket|run)\/[0-9A-Za-z._-]{1,64})$/,
      'a scope is factory, unit/NAME, repo/NAME, ticket/ID or run/ID',
    ),
  usd: z.number().nonnegative().max(1_000_000).nullable(),
  reason: z.string().min(1).max(2_000),
});
export const BudgetView = z.object({
  scope: z.string(),
  capUsd: z.number().nullable(),
  spentUsd: z.number(),
  /** Billed beyond the most that its calls may cost: the model's endpoint broke its own limits. Counts against the cap. */
  overrunUsd: z.number(),
  reservedUsd: z.number(),
});
export type BudgetView = z.infer<typeof BudgetView>;
export const NewLimit = z.strictObject({
  scope: z
    .string()
    .regex(/^(factory|(unit|repo)\/[0-9A-Za-z._-]{1,64})$/, 'a scope is factory, unit/NAME or repo/NAME'),
  stages: z.number().int().min(1).max(1_000).nullable(),
  reason: z.string().min(1).max(2_000),
});
export const LimitView = z.object({
  scope: z.string(),
  /** Null: as many as the runners take. */
  stages: z.number().int().nullable(),
  atWork: z.number().int(),
  waiting: z.number().int(),
});
export type LimitView = z.infer<typeof LimitView>;
/** `kind`: for this kind of change alone; it is raised by a step at a time, where it has earned that. */
export const NewStep = z.strictObject({
  step: z.number().int().min(0).max(7),
  kind: TicketKind.optional(),
  reason: z.string().min(1).max(2_000),
});
/** What the trail cannot see of the ladder: that it holds there, or does not, on this evidence (a document, a ticket, figures), until then. */
export const NewAttestation = z.strictObject({
  scope: RoleScope,
  criterion: z.string().min(1).max(64),
  holds: z.boolean().default(true),
  evidence: z.string().trim().min(1).max(2_000),
  until: Instant,
});
/** One criterion of the ladder, of a unit or a repository. Unknown never counts as met. */
export const CriterionView = z.object({
  id: z.string(),
  says: z.string(),
  state: z.enum(['met', 'unmet', 'unknown']),
  figure: z.string(),
  how: z.string(),
  /** Entries of the trail under it: the last of them, and how many there are. */
  positions: z.array(z.number().int()),
  entries: z.number().int(),
  /** Who attested it, by name; null where nobody did, or the trail measures it. */
  attested: z.object({ by: z.string(), evidence: z.string(), until: Instant }).nullable(),
});
export type CriterionView = z.infer<typeof CriterionView>;
export const LadderView = z.object({
  at: z.number(),
  /** All steps; which of a step's criteria the trail measures, and which a person attests. */
  steps: z.array(
    z.object({
      step: z.number().int(),
      name: z.string(),
      machines: z.string(),
      people: z.string(),
      criteria: z.array(z.object({ id: z.string(), says: z.string(), measured: z.boolean() })),
    }),
  ),
  /**
   * Units, each followed by its repositories. `step`: as set and lost; of a unit, the lowest of its repositories, null where it has none. `criteria`:
   * what the next step needs; on the last one, what has to hold on it.
   */
  places: z.array(
    z.object({
      unit: UnitName,
      repo: RepoName.nullable(),
      step: z.number().int().nullable(),
      next: z.number().int().nullable(),
      criteria: z.array(CriterionView),
    }),
  ),
});
export type LadderView = z.infer<typeof LadderView>;
/** To an agent at work: `task` where several are. */
export const NewSteer = z.strictObject({
  text: z.string().trim().min(1).max(4_000),
  task: z.string().max(64).optional(),
});
export const Reason = z.strictObject({ reason: z.string().min(1).max(2_000) });
/** What is to stop. Without a scope: the whole factory. */
export const NewHalt = z.strictObject({ scope: HaltScope.optional(), reason: z.string().min(1).max(2_000) });
/** A halt in force. */
const HaltView = z.object({
  scope: HaltScope,
  /** In words: `the factory`, `repository shop`. */
  what: z.string(),
  by: z.string(),
  reason: z.string(),
  at: z.number(),
  /** What lifts it. */
  next: Act,
});
/** `stopped` only once nothing of the scope runs; until then `running` says what does. */
export const Halted = z.object({
  /** Empty as the answer to `halt`: somebody resumed it before it had stopped. */
  halts: z.array(HaltView),
  /** It was halted before it was asked for: who said so first, and why, stands. */
  already: z.boolean(),
  /** What a resume lifted, in words; null for every other answer. */
  lifted: z.string().nullable(),
  stopped: z.boolean(),
  running: z.array(z.string()),
});
export type Halted = z.infer<typeof Halted>;
/** `ms`: how long the pause lasts at most, a second to a day; 0 lets the canary go on. */
export const NewPause = z.strictObject({
  reason: z.string().min(1).max(2_000),
  ms: z.union([z.literal(0), z.number().int().min(1_000).max(86_400_000)]).default(3_600_000),
});
/** The release on its way to serve. `percent` is its share of traffic now, `until` the end of its bake or pause. */
export const ComingRelease = z.object({
  release: ReleaseId,
  live: ReleaseId.nullable(),
  percent: z.number(),
  steps: z.array(z.number()),
  since: z.number(),
  until: z.number().nullable(),
  paused: z.object({ by: z.string(), reason: z.string(), until: z.number() }).nullable(),
  /** Why it has no traffic now and waits to begin anew. */
  held: z.string().nullable(),
});
export type ComingRelease = z.infer<typeof ComingRelease>;
/** Who froze a target, by name (`factory` where it did), why and since when. */
export const FreezeView = z.object({ who: z.string(), reason: z.string(), at: z.number() });
export type FreezeView = z.infer<typeof FreezeView>;
/** What became of a person's word on a canary. */
export const CanaryAnswer = z.object({
  repo: RepoName,
  release: ReleaseId,
  live: ReleaseId.nullable(),
  /** `under_way`: what was asked is on the trail, and not done yet. */
  state: z.enum(['paused', 'promoting', 'taken_back', 'under_way']),
  text: z.string(),
});
export type CanaryAnswer = z.infer<typeof CanaryAnswer>;
/** `again`: on a ticket that asked nothing and is not done, start another run with this word. It is paid for, so it has to be said. */
/** What a ticket is elsewhere. */
export const NewLink = OutsideReference;

/** `nth`: of what a run left open and then of what its agents noticed, from 1. */
export const NewFollowUp = z.strictObject({
  nth: z.number().int().min(1).max(10_000),
  kind: TicketKind.default('bug'),
});

export const Answer = z.strictObject({
  text: z.string().min(1).max(20_000),
  again: z.boolean().default(false),
});

/** `markdown` is a ticket file as docs/tickets.md has it; parsed by the factory, so that every client reads tickets the same way. Header `Idempotency-Key` makes filing twice one ticket. */
export const NewTicket = z.strictObject({
  repo: z.string(),
  markdown: z.string(),
  kind: TicketKind.optional(),
});
/** Why something may not go forward now: who said so, and what lifts it. Null: it may. */
export const StopView = z.object({ by: z.string(), reason: z.string(), at: z.number(), next: Act });
export type StopView = z.infer<typeof StopView>;
const Stop = StopView.nullable().default(null);

export const TicketView = z.object({
  id: TicketId,
  repo: RepoName,
  state: z.enum(['open', 'running', 'waiting', 'halted', 'done', 'closed', 'reopened']),
  /** Of its run. */
  stop: Stop,
  ticket: Ticket,
  runs: z.array(RunId),
  question: z.string().nullable(),
  evidence: z.array(z.string()),
  /** What it is elsewhere. */
  links: z.array(OutsideReference),
  /** What was told of it outside; `ended` null while it is tried. */
  outside: z.array(
    z.object({
      effect: OutsideEffect,
      ended: z.enum(['done', 'refused']).nullable(),
      url: z.string().nullable(),
      reason: z.string(),
      /** What stays of it, or how it is taken back. */
      undo: z.string(),
    }),
  ),
  /** The run that it follows up on. */
  follows: RunId.nullable().default(null),
  filedAt: z.number(),
  author: z.string(),
  /** Who has to act next, and how; null: it is done. */
  next: z.object({ who: z.string(), text: z.string(), acts: z.array(Act) }).nullable(),
});
export type TicketView = z.infer<typeof TicketView>;

export const RunStateName = z.enum(['running', 'waiting', 'halted', ...RunEnd.options]);
export type RunStateName = z.infer<typeof RunStateName>;

export const StageView = z.object({
  kind: z.enum(['plan', 'implement', 'review', 'test', 'deploy']),
  task: z.string().nullable(),
  title: z.string().nullable(),
  attempt: z.number().int(),
  attemptId: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled', 'changes_requested']),
  reason: z.string().nullable(),
  artifact: z.string().nullable(),
  /** What its agent does now or did last. */
  action: z.string().nullable(),
  /** The model that owes it an answer, and since when (ms since 1970). */
  asks: z.object({ model: z.string(), since: z.number() }).nullable(),
  /** What it does while a model owes it an answer, where that is known: its thinking, a wait. */
  doing: z.string().nullable(),
  turns: z.number().int(),
  model: z.string().nullable(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  usage: Usage,
});
export type StageView = z.infer<typeof StageView>;

export const GateView = z.object({
  id: GateId,
  run: RunId,
  /** Of its run's ticket. */
  title: z.string(),
  repo: RepoName,
  action: GateAction,
  subject: z.string(),
  state: z.enum(['asked', 'allowed', 'denied', 'waiting', 'expired', 'voided']),
  decision: z.enum(['allow', 'deny', 'needs_approval']).nullable(),
  policies: z.array(z.string()),
  reason: z.string(),
  approvalsNeeded: z.number().int(),
  approvals: z.array(z.object({ person: PersonId, name: z.string(), reason: z.string(), at: z.number() })),
  expiresAt: z.number(),
  /** Of its run, while it waits for somebody. */
  stop: Stop,
  /** What else stands in its way, each with what is done about it; of one gate, not of a list. */
  acts: z.array(Act).default([]),
  /** When it came to its present state. */
  changedAt: z.number(),
  facts: z.unknown(),
});
export type GateView = z.infer<typeof GateView>;

/** A release on its way to all traffic: the share that it has, what is said of it, and how long it still takes. */
export const CanaryView = z.object({
  release: ReleaseId,
  /** Percent of traffic now. */
  percent: z.number(),
  /** Which step this is, from 1, and the shares of all of them. */
  step: z.number().int(),
  steps: z.array(z.number()),
  /** Of the present step: `watching` until something is said. */
  verdict: z.enum(['watching', 'healthy', 'degraded', 'inconclusive']),
  reason: z.string(),
  /** What would settle an open verdict, and until when that is waited for. */
  needs: z.string().nullable(),
  until: z.number().nullable(),
  /** By a person: its step does not end before. */
  paused: z.object({ by: z.string(), reason: z.string(), until: z.number() }).nullable(),
  /** When this step's bake, and when the last one's, is over if all goes well. Null where that cannot be said. */
  stepEndsAt: z.number().nullable(),
  endsAt: z.number().nullable(),
  /** What the proxy has counted of the new release and of the old one; null where there are no figures, or it is over. */
  figures: z
    .object({
      new: z.object({ requests: z.number(), errors: z.number() }),
      old: z.object({ requests: z.number(), errors: z.number() }).nullable(),
    })
    .nullable(),
  history: z.array(
    z.object({ percent: z.number(), at: z.number().nullable(), verdict: z.string(), reason: z.string() }),
  ),
  startedAt: z.number(),
  ended: z.object({ as: z.enum(['promoted', 'back']), at: z.number() }).nullable(),
});
export type CanaryView = z.infer<typeof CanaryView>;

export const RunView = z.object({
  id: RunId,
  ticket: TicketId,
  title: z.string(),
  repo: RepoName,
  state: RunStateName,
  reason: z.string().nullable(),
  stop: Stop,
  /** What lets it go on, where its reason is what a person does next. */
  acts: z.array(Act).default([]),
  model: z.string().nullable(),
  stages: z.array(StageView),
  gates: z.array(GateView),
  change: z.object({ base: z.string(), commit: z.string(), tree: z.string() }).nullable(),
  delivered: z.object({ kind: z.enum(['merge', 'branch']), ref: z.string(), commit: z.string() }).nullable(),
  release: ReleaseId.nullable(),
  /** Of its release; null before it is given traffic. */
  canary: CanaryView.nullable(),
  /** The ref of a change that did not merge, in the factory's copy of the repository. */
  kept: z.string().nullable().optional(),
  /** The acceptance checks, and what the last test of the whole change said of each; of one run, not of a list. */
  checks: z
    .array(
      z.object({
        acceptance: z.string(),
        kind: z.enum(['change', 'guard']),
        state: z.enum(['met', 'not_met', 'cannot_tell']),
        /** Why nobody can tell; null where it is known. */
        why: z.string().nullable(),
      }),
    )
    .default([]),
  /** What approving reviews found and sent nobody back for; of one run, not of a list. */
  open: z.array(Finding).default([]),
  /** Faults that its agents came across outside of their tasks; of one run, not of a list. With what is open, by number: what can be followed up. */
  noticed: z.array(z.object({ role: Role, task: z.string().nullable(), text: z.string() })).default([]),
  /** What it went without, since the repository lets it. */
  skipped: z.string().nullable().default(null),
  /** What was attempted by a factory or a runner that died since, and how it ended nobody has recorded yet: entries of the trail. */
  unknown: z.array(z.object({ effect: z.string(), position: z.number().int(), at: z.number() })).default([]),
  usage: Usage,
  startedAt: z.number(),
  endedAt: z.number().nullable(),
});
export type RunView = z.infer<typeof RunView>;

const DiffFile = z.object({
  path: z.string(),
  status: z.enum(['added', 'modified', 'deleted', 'type_changed']),
  added: z.number().int(),
  removed: z.number().int(),
  /** Why a person should look here first: protected, cannot be taken back, a secret, large. Empty for the rest. */
  why: z.array(z.string()),
  /** `git diff` of this file; cut where it is long, empty where it is binary. */
  patch: z.string(),
  cut: z.boolean(),
});
/** A change, its files in the order in which they should be read: what is dangerous first. */
export const DiffView = z.object({
  run: RunId,
  /** What it is: the whole change, a task's, or everything since the live release. */
  of: z.string(),
  from: z.string(),
  to: z.string(),
  risk: RiskClass,
  /** Why it is not of a lower class. */
  reasons: z.array(z.string()),
  files: z.array(DiffFile),
});
export type DiffView = z.infer<typeof DiffView>;

/** `plan` is null until a planner has handed one in. */
export const PlanView = z.object({ run: RunId, artifact: z.string().nullable(), plan: Plan.nullable() });
export type PlanView = z.infer<typeof PlanView>;

/** A review that was handed in; `current`: of the change as it is now, so that it counts. */
export const ReviewView = z.object({
  task: z.string().nullable(),
  verdict: z.enum(['approve', 'request_changes']),
  summary: z.string(),
  findings: z.array(Finding),
  patchId: z.string(),
  artifact: z.string(),
  current: z.boolean(),
});
export type ReviewView = z.infer<typeof ReviewView>;

/** A test report; `of`: the sources, or the release as built. */
export const TestsView = z.object({
  of: z.enum(['sources', 'release']),
  current: z.boolean(),
  artifact: z.string(),
  report: TestReport,
});
export type TestsView = z.infer<typeof TestsView>;

export const LogLine = z.object({
  at: z.number(),
  position: z.number().int(),
  attempt: z.string(),
  role: Role,
  task: z.string().nullable(),
  turn: z.number().int().nullable(),
  text: z.string(),
  usd: z.number(),
  /** What the model said, called and was answered in this turn; empty unless one attempt was asked for. */
  blocks: z.array(z.object({ kind: z.enum(['says', 'calls', 'gets']), text: z.string(), cut: z.boolean() })),
});
export type LogLine = z.infer<typeof LogLine>;

export const CostView = z.object({
  run: RunId,
  usage: Usage,
  stages: z.array(
    z.object({
      kind: Role,
      task: z.string().nullable(),
      attempt: z.number().int(),
      attemptId: z.string(),
      model: z.string().nullable(),
      turns: z.number().int(),
      usage: Usage,
      /**
       * Where its tokens went, by what the records hold at four characters a token: what tools printed, what the model wrote, and what is
       * left of its output, which is its thinking.
       */
      went: z.object({ toolOutput: z.number(), written: z.number(), thinking: z.number() }),
    }),
  ),
  /** The dearest turns of the run, the dearest first. */
  dearest: z.array(
    z.object({
      attemptId: z.string(),
      kind: Role,
      task: z.string().nullable(),
      turn: z.number().int(),
      action: z.string(),
      usage: Usage,
    }),
  ),
  /** The budgets that its calls are taken from, outermost first. */
  budgets: z.array(BudgetView),
});
export type CostView = z.infer<typeof CostView>;

/** What a person decides on, beside the gate's facts. */
export const GateEvidence = z.object({
  /** What a yes is bound to, and what follows it. */
  binds: z.string(),
  does: z.array(z.string()),
  /** What bears on it beside the gate itself. */
  acts: z.array(Act),
  ticket: Ticket,
  plan: Plan.nullable(),
  diff: DiffView.nullable(),
  reviews: z.array(ReviewView),
  tests: TestsView.nullable(),
  troubles: z.array(SetupTrouble),
});
export type GateEvidence = z.infer<typeof GateEvidence>;

/** One line of an account: `GET /runs/:id/why` answers with these, newest cause first. */
export const WhyView = z.object({
  run: RunId,
  state: RunStateName,
  because: z.array(z.object({ at: z.number(), position: z.number().int(), text: z.string() })),
  /** The end of what a failed release or test said, where the run closed with it. */
  said: z.array(z.string()),
  /** Who has to act next; null: nobody, it is done. */
  who: z.string().nullable(),
  next: Next,
});
export type WhyView = z.infer<typeof WhyView>;

/** Who acted: a person by name, an agent by its role and model, a runner, or the factory itself. */
export const TrailActor = z.object({
  kind: z.enum(['person', 'agent', 'runner', 'factory']),
  name: z.string(),
  model: z.string().nullable(),
});
export type TrailActor = z.infer<typeof TrailActor>;

/**
 * How what an entry tells of ended: `under_way` an effect begun by a factory that still runs, `unknown` one whose factory died before it
 * said how it ended; `noted` where there is nothing to end.
 */
export const TrailResult = z.enum(['done', 'failed', 'waiting', 'under_way', 'unknown', 'noted']);
export type TrailResult = z.infer<typeof TrailResult>;

/** An entry as an account of it: who did what, on which bytes, allowed by which decision, with what result. */
export const TrailLine = z.object({
  position: z.number().int(),
  stream: z.string(),
  version: z.number().int(),
  type: z.string(),
  actor: z.string(),
  actorName: z.string().nullable(),
  at: z.number(),
  payloadDigest: z.string(),
  data: z.unknown().nullable(),
  run: RunId.nullable(),
  repo: RepoName.nullable(),
  who: TrailActor,
  text: z.string(),
  /** What it was done on, in full. */
  on: z.array(z.object({ what: z.string(), digest: z.string() })),
  /** The decision that allowed it, and its position; null where no gate is asked (going back never asks one). */
  allowedBy: z
    .object({ gate: GateId, action: GateAction, policies: z.array(z.string()), position: z.number().int() })
    .nullable(),
  result: TrailResult,
});
export type TrailLine = z.infer<typeof TrailLine>;

export const ReleaseView = z.object({
  id: ReleaseId,
  repo: RepoName,
  run: RunId,
  commit: z.string(),
  digest: z.string(),
  /** The bytes that were tested and that ship. */
  layer: z.string(),
  /** What it brings that the release before it did not, newest first. */
  tickets: z.array(z.string()),
  commits: z.array(z.object({ commit: z.string(), title: z.string() })),
  /** The signed statement of how it was built, as an artifact; null before it is made. */
  provenance: z.string().nullable(),
  /** `previous`: where a rollback goes; `good`: it served well before that, and can be gone back to by name; `canary`: it has a share of the traffic; `built`: it may be let out yet; `abandoned`: it never is, since its run is over or has another build. */
  state: z.enum(['built', 'canary', 'live', 'previous', 'good', 'rolled_back', 'failed', 'abandoned']),
  notes: z.string(),
  createdAt: z.number(),
  address: z.string().nullable(),
  /** Null before its undo was rehearsed. */
  undo: Undo.nullable(),
  /** Its newest canary; null before it had traffic. */
  canary: CanaryView.nullable(),
  /** Of its run, while that goes on. */
  stop: Stop,
});
export type ReleaseView = z.infer<typeof ReleaseView>;

/** A commit that does not ship again until its revert is there too, or a person lifts it. */
/** Who brought a line of a file, as it is on the branch. `run` null: no run of this factory did. */
export const BlameView = z.object({
  repo: RepoName,
  file: z.string(),
  line: z.number().int(),
  text: z.string(),
  commit: z.string(),
  title: z.string(),
  author: z.string(),
  at: z.number(),
  run: z
    .object({
      id: RunId,
      ticket: TicketId,
      title: z.string(),
      filedBy: z.string(),
      /** What was decided on its way, and by whom. */
      gates: z.array(
        z.object({
          id: GateId,
          action: GateAction,
          decision: z.enum(['allow', 'deny', 'needs_approval']).nullable(),
          reason: z.string(),
          approvals: z.array(z.string()),
        }),
      ),
      /** What was built of it, and what became of that; null: nothing was. */
      release: z
        .object({ id: ReleaseId, result: z.enum(['promoted', 'rolled_back', 'failed']).nullable() })
        .nullable(),
    })
    .nullable(),
});
export type BlameView = z.infer<typeof BlameView>;

export const QuarantineView = z.object({
  repo: RepoName,
  commit: z.string(),
  release: ReleaseId,
  by: z.enum(['canary', 'rollback', 'denied']),
  tickets: z.array(z.string()),
  at: z.number(),
});
export type QuarantineView = z.infer<typeof QuarantineView>;

export const NewRollback = z.strictObject({
  repo: z.string().optional(),
  release: z.string().optional(),
  /** What it is to leave, as whoever asks has seen it: where that serves nobody any more, it has happened already. */
  from: ReleaseId.optional(),
  dryRun: z.boolean().default(false),
  reason: z.string().max(2_000).default('asked by a person'),
});
/** What going back changes, a line each. */
export const RollbackPlan = z.object({
  code: z.array(z.string()),
  schema: z.array(z.string()),
  configuration: z.array(z.string()),
  traffic: z.array(z.string()),
});
export type RollbackPlan = z.infer<typeof RollbackPlan>;
export const RollbackView = z.object({
  repo: RepoName,
  from: ReleaseId,
  /** Null: a canary was taken back, and nobody served before it. */
  to: ReleaseId.nullable(),
  done: z.boolean(),
  ms: z.number(),
  text: z.string(),
  revert: z.string().nullable(),
  /** Of a dry run; null where it was done. */
  plan: RollbackPlan.nullable(),
});
export type RollbackView = z.infer<typeof RollbackView>;

/** `stopped`: it can be started again from its image; `gone`: it cannot; `unknown`: its target cannot be asked now. */
export const ReleaseHealth = z.enum(['serves', 'runs', 'stopped', 'gone', 'unknown']);
export type ReleaseHealth = z.infer<typeof ReleaseHealth>;
const Served = z.object({
  release: ReleaseId,
  servedAt: z.number(),
  tickets: z.array(z.object({ id: TicketId, title: z.string() })),
  health: ReleaseHealth,
});
/** What serves, what a rollback may go to (newest first, the first one without an argument), and what is in the way of going forward. */
export const RollbackStatus = z.object({
  repo: RepoName,
  live: Served.nullable(),
  /** What keeps a deploy from going forward here. A rollback goes on. */
  stop: Stop,
  /** On its way to serve: a rollback takes it back, and leaves what is live as it is. */
  canary: ComingRelease.nullable().default(null),
  candidates: z.array(Served),
  frozen: z
    .object({
      by: z.enum(['person', 'factory', 'schedule']),
      reason: z.string(),
      /** By name; `factory` where it froze it. */
      who: z.string(),
      /** What a person must do, a line a step; empty where a person froze it. */
      what: z.string(),
      acts: z.array(Act),
      at: z.number(),
      paged: z.enum(['sent', 'failed', 'nobody']).nullable(),
      /** Others who froze it too. */
      also: z.array(FreezeView),
    })
    .nullable(),
  /** The last `rollback undo`, while it is asked for, under way, or how it ended. */
  undo: z
    .object({
      state: z.enum(['allow', 'deny', 'needs_approval', 'started', 'promoted', 'rolled_back', 'failed']),
      release: ReleaseId,
      text: z.string(),
      at: z.number(),
    })
    .nullable(),
});
export type RollbackStatus = z.infer<typeof RollbackStatus>;

export const NewUndo = z.strictObject({ repo: z.string().optional() });
/** `waits`: `needs` people have to ask for the same; `started`: GET /rollbacks says how it goes. */
export const UndoView = z.object({
  repo: RepoName,
  state: z.enum(['started', 'waits', 'denied']),
  release: ReleaseId,
  needs: z.number().int(),
  reason: z.string(),
  /** What lets it go forward, where it may not now. */
  acts: z.array(Act),
});
export type UndoView = z.infer<typeof UndoView>;

/** What is listed is made of the trail: up to which entry, of how many, and how far a rebuild under way has come. */
export const ReadModelView = z.object({
  position: z.number().int(),
  head: z.number().int(),
  rebuilding: z.object({ position: z.number().int() }).nullable(),
  /** Why the last rebuild came to nothing. */
  failed: z.string().nullable(),
  /** Entries that could not be folded in, the oldest 100; the type is empty where one could not even be read. */
  parked: z.array(z.object({ position: z.number().int(), type: z.string(), reason: z.string() })),
});
export type ReadModelView = z.infer<typeof ReadModelView>;

/** What a figure is of: `n` values in milliseconds, their median and their ninth decile; of none, null. */
const Quantiles = z.object({ n: z.number(), p50: z.number().nullable(), p90: z.number().nullable() });
/** `n` among `of`; of none, `rate` is null. */
const Rate = z.object({ n: z.number(), of: z.number(), rate: z.number().nullable() });
/** How the factory does over a period; what each figure means is docs/metrics.md's. */
export const MetricsView = z.object({
  from: z.number(),
  to: z.number(),
  deployments: z.object({ n: z.number(), perDay: z.number() }),
  changeLead: Quantiles,
  changeFailure: Rate,
  recovery: Quantiles,
  rework: Rate,
  autonomy: Rate,
  selfHealing: Rate,
  kinds: z.array(
    z.object({
      kind: TicketKind,
      ended: z.number(),
      done: z.number(),
      usd: z.number(),
      usdPerDone: z.number().nullable(),
      lead: Quantiles,
    }),
  ),
  stages: z.array(
    z.object({
      stage: z.string(),
      n: z.number(),
      waitingMs: z.number(),
      workingMs: z.number(),
      waiting: Quantiles,
      working: Quantiles,
    }),
  ),
  bottleneck: z
    .object({ stage: z.string(), mostly: z.enum(['waiting', 'working']), share: z.number() })
    .nullable(),
});
export type MetricsView = z.infer<typeof MetricsView>;

/** One thing of a digest, and the entry of the trail that says it. */
const DigestLine = z.object({
  position: z.number().int(),
  at: z.number(),
  repo: RepoName.nullable(),
  run: RunId.nullable(),
  /** Of its run's ticket. */
  title: z.string().nullable(),
  text: z.string(),
});
export type DigestLine = z.infer<typeof DigestLine>;
/** What happened since `from`, and how it stands at `to`. `spent`: on stages that ended, by repository. */
export const DigestView = z.object({
  from: z.number(),
  to: z.number(),
  needsYou: z.array(DigestLine.extend({ who: z.string(), acts: z.array(Act) })),
  broke: z.array(DigestLine),
  shipped: z.array(DigestLine),
  running: z.array(DigestLine),
  spent: z.object({
    usd: z.number(),
    repos: z.array(
      z.object({ position: z.number().int(), repo: RepoName, usd: z.number(), stages: z.number() }),
    ),
  }),
});
export type DigestView = z.infer<typeof DigestView>;

/** `id` names the check; `fix` is what to do when it fails. */
export const DoctorLine = z.object({
  id: z.string(),
  ok: z.boolean(),
  text: z.string(),
  fix: Next.nullable(),
});
export type DoctorLine = z.infer<typeof DoctorLine>;

/** `lookedFor` is false for a value too short, or too plain a word, to be found in tickets and changes. */
export const SecretSet = z.object({
  repo: RepoName,
  name: z.string(),
  names: z.array(z.string()),
  lookedFor: z.boolean(),
});
export type TargetFrozen = z.infer<typeof TargetFrozen>;
export const TargetFrozen = z.object({
  repo: RepoName,
  frozen: z.boolean(),
  /** The freezes in force, the one that is told first in front; after a thaw those that it lifted. */
  freezes: z.array(FreezeView),
  /** The canary that the freeze held: its traffic is back, and it begins anew after the thaw. */
  held: ReleaseId.nullable(),
});

export const NewRedaction = Reason.extend({
  position: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
});
/** `record`: the entry that says so; `erased` is false where there was no free text (any more). */
export const Redacted = z.object({ position: z.number(), record: z.number(), erased: z.boolean() });

// What proves the trail. It is checked by whoever asks, byte for byte: its form is `@millwright/audit/proof`'s, and only named here.
export const Bundle = z.looseObject({
  format: z.literal('millwright-trail-bundle'),
  entries: z.array(z.unknown()),
});
export const EvidencePackView = z.looseObject({
  format: z.literal('millwright-evidence-pack'),
  evidence: z.record(z.string(), z.array(z.unknown())),
});
export const Attestation = z.object({ position: z.number().int(), digest: z.string(), line: z.string() });
export const CheckpointView = z.object({
  size: z.number().int().min(0),
  note: z.string().max(262_144),
  at: z.number(),
});
export const LogPage = z.looseObject({
  entries: z.array(z.looseObject({ envelope: Envelope, payload: z.unknown() })),
  checkpoints: z.array(z.object({ size: z.number(), note: z.string() })),
  head: z.number(),
  sealed: z.number(),
});
export const KeyView = z.object({
  vkey: z.string().max(1_000),
  origin: z.string(),
  rotations: z.array(z.object({ previous: z.string(), next: z.string(), note: z.string() })).max(10_000),
  state: z.looseObject({ kind: z.string() }),
});
