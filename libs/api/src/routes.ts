import { GateId, PersonId, type PersonRole, ReleaseId, Role, RunId, TicketId } from '@millwright/domain';
import { z } from 'zod';
import * as s from './schemas.ts';

/** Every path lies below it. */
export const BASE = '/v1';

export type Route = {
  readonly method: 'GET' | 'POST';
  /** Below `BASE`; `:name` is a parameter. */
  readonly path: string;
  readonly summary: string;
  /** Who it is for: people at work; whoever checks the trail and believes nobody; other systems. */
  readonly for: 'people' | 'verifiers' | 'systems';
  /** Who may: whoever has one of these roles; `anybody` with a token; without one, `open` to all, by an invitation's `code`, or `signed`. */
  readonly may: readonly PersonRole[] | 'anybody' | 'open' | 'code' | 'signed';
  /** The role has to be had where it is used: in the unit or repository that is asked about. In the factory as a whole, without it. */
  readonly there?: true;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly headers?: z.ZodType;
  readonly body?: z.ZodType;
  /** What it answers with; null where that is no JSON document: `type` says what it is. */
  readonly response: z.ZodType | null;
  /** 200 without it; those besides it where there are more. */
  readonly statuses?: readonly (200 | 201 | 202)[];
  readonly type?: string;
  /** What is known as secret is masked in the answer. Never where bytes are proved. */
  readonly masked?: true;
  /** It answers with entries as the trail has them, where people are ids; in every other answer to people, a text has their names. */
  readonly asRecorded?: true;
};

const route = <const R extends Route>(of: R): R => of;

/** A part of a list. `cursor` is what the `Link: <…>; rel="next"` of the part before it names; what is added meanwhile moves no part. */
const Part = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(200),
  cursor: z.string().max(200).optional(),
});
const PartOfRepo = Part.extend({ repo: z.string().max(100).optional() });

const WRITERS = ['author', 'admin'] as const;
const DECIDERS = ['admin', 'approver'] as const;
const ANY_ROLE = ['admin', 'author', 'approver'] as const;
const ADMIN = ['admin'] as const;

const OfPerson = z.object({ id: PersonId });
/** By id or by name. */
const OfWhom = z.object({ id: z.string().min(1).max(200) });
const OfRepo = z.object({ repo: z.string() });
const OfUnit = z.object({ unit: z.string() });
const OfTicket = z.object({ id: TicketId });
const OfRun = z.object({ id: RunId });
const OfGate = z.object({ id: GateId });
const OfRelease = z.object({ id: ReleaseId });

const Position = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const Size = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** `a,b` and `a&b` are the same list. */
const Names = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((one) => one.split(',').filter((part) => part !== '')))
  .optional();

/** From an instant on, of one repository or of all. */
const OfPeriod = z.object({ from: Size.optional(), repo: z.string().max(100).optional() });

/** Which entries: `TrailFilter` of a query. */
const OfTrail = z.object({
  run: RunId.optional(),
  repo: z.string().max(100).optional(),
  /** Ids, people's names, `factory`, or `agent`, `runner` and `person` for all of them. */
  actor: Names,
  /** `gate.decided`; `gate` or `gate.*` for all that begin so. */
  type: Names,
  from: Size.optional(),
  to: Size.optional(),
});

/** What the factory serves: the server takes its routes from here, clients their calls, and the OpenAPI document all that it says. */
export const ROUTES = {
  // The factory
  health: route({
    ...{ method: 'GET', path: '/health', for: 'systems', may: 'open' },
    summary: 'Whether it is there, and how far of its trail it has read',
    response: z.object({ ok: z.boolean(), version: z.string(), position: z.number() }),
  }),
  openApi: route({
    ...{ method: 'GET', path: '/openapi.json', for: 'systems', may: 'open' },
    summary: 'This document',
    response: z.looseObject({ openapi: z.string() }),
  }),
  doctor: route({
    ...{ method: 'GET', path: '/doctor', for: 'people', may: 'anybody' },
    summary: 'What is well and what is not, a line a check, with the exact fix',
    response: z.array(s.DoctorLine),
  }),
  listHalts: route({
    ...{ method: 'GET', path: '/halts', for: 'people', may: 'anybody' },
    summary: 'The halts in force, and what still runs of what they stop',
    response: s.Halted,
  }),
  halt: route({
    ...{ method: 'POST', path: '/halt', for: 'people', may: DECIDERS, there: true },
    summary: 'Stop what goes forward; said twice it is one halt',
    body: s.NewHalt,
    response: s.Halted,
  }),
  resume: route({
    ...{ method: 'POST', path: '/resume', for: 'people', may: ADMIN, there: true },
    summary: 'Go on after a halt',
    body: s.NewHalt,
    response: s.Halted,
  }),

  listRunners: route({
    ...{ method: 'GET', path: '/runners', for: 'people', may: 'anybody' },
    summary: 'The runners that live, what each holds, and whether it is drained',
    query: Part,
    response: z.array(s.RunnerView),
  }),

  showDigest: route({
    ...{ method: 'GET', path: '/digest', for: 'people', may: 'anybody', masked: true },
    summary:
      'What needs a person, broke or went back, shipped, runs and was spent, since `from` (else twelve hours ago); each with its entry of the trail',
    query: OfPeriod,
    response: s.DigestView,
  }),
  showMetrics: route({
    ...{ method: 'GET', path: '/metrics', for: 'people', may: 'anybody' },
    summary:
      'How the factory does since `from` (else thirty days ago): as JSON, or as OpenMetrics for Accept: application/openmetrics-text, which `/metrics` answers with too',
    query: OfPeriod,
    response: s.MetricsView,
  }),
  showViews: route({
    ...{ method: 'GET', path: '/views', for: 'people', may: 'anybody' },
    summary: 'How far what is listed has been drawn from the trail, and what could not be',
    response: s.ReadModelView,
  }),
  rebuildViews: route({
    ...{ method: 'POST', path: '/views/rebuild', for: 'people', may: ADMIN },
    summary:
      'Fill what is listed anew from the trail, beside what is read meanwhile, and put it in its place; answers when that began',
    response: s.ReadModelView,
    statuses: [202],
  }),

  // People
  invite: route({
    ...{ method: 'POST', path: '/people/invitations', for: 'people', may: ADMIN, there: true },
    summary:
      'Invite somebody: the code goes to whoever invites, the token that it gives to nobody but who is invited',
    body: s.NewInvitation,
    response: s.Invitation,
    statuses: [201],
  }),
  accept: route({
    ...{ method: 'POST', path: '/people/acceptance', for: 'people', may: 'code' },
    summary: 'The token of whoever has the code of an invitation',
    body: s.Acceptance,
    response: s.AcceptedPerson,
  }),
  rotate: route({
    ...{ method: 'POST', path: '/people/:id/rotation', for: 'people', may: 'anybody' },
    summary: "Another token in place of one's own; of an administrator, a code for somebody else",
    params: OfPerson,
    body: z.strictObject({}),
    response: s.Rotated,
  }),
  listPeople: route({
    ...{ method: 'GET', path: '/people', for: 'people', may: 'anybody' },
    summary: 'Who there is, with which roles',
    query: Part,
    response: z.array(s.PersonView),
  }),
  showPerson: route({
    ...{ method: 'GET', path: '/people/:id', for: 'people', may: 'anybody' },
    summary: 'One person, by id or by name',
    params: OfWhom,
    response: s.PersonView,
  }),
  whoAmI: route({
    ...{ method: 'GET', path: '/me', for: 'people', may: 'anybody' },
    summary: 'Who asks, with which roles',
    response: s.PersonView,
  }),
  grantRole: route({
    ...{ method: 'POST', path: '/people/:id/grants', for: 'people', may: ADMIN, there: true },
    summary:
      'Give somebody a role in the factory, a unit or a repository; no administrator of a part gives one that they have not there',
    params: OfWhom,
    body: s.NewGrant,
    response: s.PersonView,
  }),
  revokeRole: route({
    ...{ method: 'POST', path: '/people/:id/revocations', for: 'people', may: ADMIN, there: true },
    summary: 'Take a role from somebody where they were granted it; at once, also where it was used',
    params: OfWhom,
    body: s.NewGrant,
    response: s.PersonView,
  }),
  linkAccount: route({
    ...{ method: 'POST', path: '/people/:id/accounts', for: 'people', may: ADMIN },
    summary: 'Say that an account outside is theirs: what it asks for there, they ask for',
    params: OfWhom,
    body: s.NewAccount,
    response: s.PersonView,
  }),
  unlinkAccount: route({
    ...{ method: 'POST', path: '/people/:id/accounts/removal', for: 'people', may: ADMIN },
    summary: 'Say that an account outside is theirs no more',
    params: OfWhom,
    body: s.NewAccount,
    response: s.PersonView,
  }),
  erasePerson: route({
    ...{ method: 'POST', path: '/people/:id/erasure', for: 'people', may: ADMIN },
    summary: 'Erase a name; what the person did stays, under the id',
    params: OfPerson,
    body: s.Reason,
    response: z.object({ person: PersonId, erased: z.boolean() }),
  }),

  // Budgets
  listBudgets: route({
    ...{ method: 'GET', path: '/budgets', for: 'people', may: 'anybody' },
    summary: 'Caps, what was spent, and what is reserved',
    query: Part,
    response: z.array(s.BudgetView),
  }),
  setBudget: route({
    ...{ method: 'POST', path: '/budgets', for: 'people', may: ADMIN, there: true },
    summary: 'Cap a scope, or lift its cap; answers with its budget',
    body: s.NewBudget,
    response: z.array(s.BudgetView),
  }),

  // Limits
  listLimits: route({
    ...{ method: 'GET', path: '/limits', for: 'people', may: 'anybody' },
    summary: 'How many stages may be at work at once, how many are, and how many wait for their turn',
    query: Part,
    response: z.array(s.LimitView),
  }),
  setLimit: route({
    ...{ method: 'POST', path: '/limits', for: 'people', may: ADMIN, there: true },
    summary: 'Limit how many stages of a scope are at work at once, or lift that; answers with its limit',
    body: s.NewLimit,
    response: s.LimitView,
  }),

  // Units
  addUnit: route({
    ...{ method: 'POST', path: '/units', for: 'people', may: ADMIN },
    summary: 'Add a business unit: a scope of repositories, roles, policy and budget',
    body: s.NewUnit,
    response: s.UnitView,
    statuses: [201],
  }),
  listUnits: route({
    ...{ method: 'GET', path: '/units', for: 'people', may: 'anybody' },
    summary: 'Units, each with its repositories; the default one has those that were given no other',
    query: Part,
    response: z.array(s.UnitView),
  }),
  showUnit: route({
    ...{ method: 'GET', path: '/units/:unit', for: 'people', may: 'anybody' },
    summary: 'A unit',
    params: OfUnit,
    response: s.UnitView,
  }),
  setUnitPolicy: route({
    ...{ method: 'POST', path: '/units/:unit/policy', for: 'people', may: ADMIN, there: true },
    summary: "Set the unit's own layer of policy, which can only tighten; a permit in it is refused",
    params: OfUnit,
    body: s.NewUnitPolicy,
    response: s.UnitView,
  }),

  // Repositories
  addRepo: route({
    ...{ method: 'POST', path: '/repos', for: 'people', may: ADMIN, there: true },
    summary: 'Take a repository',
    body: s.NewRepo,
    response: s.RepoView,
    statuses: [201],
  }),
  listRepos: route({
    ...{ method: 'GET', path: '/repos', for: 'people', may: 'anybody' },
    summary: 'Repositories, each with what serves and what cannot work',
    query: Part,
    response: z.array(s.RepoView),
  }),
  moveRepo: route({
    ...{ method: 'POST', path: '/repos/:repo/unit', for: 'people', may: ADMIN, there: true },
    summary: 'Make a repository one of another unit; not while the one that it is of is halted',
    params: OfRepo,
    body: s.NewPlace,
    response: s.RepoView,
  }),
  setSecret: route({
    ...{ method: 'POST', path: '/repos/:repo/secrets', for: 'people', may: ADMIN, there: true },
    summary: 'Set the value of a secret',
    params: OfRepo,
    body: s.NewSecret,
    response: s.SecretSet,
  }),
  connectRepo: route({
    ...{ method: 'POST', path: '/repos/:repo/connection', for: 'people', may: ADMIN, there: true },
    summary:
      'Take tickets from a place outside, and tell there what becomes of them; its rights are tried first',
    params: OfRepo,
    body: s.NewConnection,
    response: s.Connected,
    statuses: [201],
  }),
  disconnectRepo: route({
    ...{ method: 'POST', path: '/repos/:repo/disconnection', for: 'people', may: ADMIN, there: true },
    summary: 'Take no more tickets from there, and tell nothing more there; what was told stays',
    params: OfRepo,
    body: s.Reason,
    response: s.RepoView,
  }),
  listConnections: route({
    ...{ method: 'GET', path: '/connections', for: 'people', may: 'anybody', masked: true },
    summary: 'Which repositories are connected to where, and what keeps a place from being followed now',
    query: Part,
    response: z.array(s.ConnectionView),
  }),
  checkConnection: route({
    ...{ method: 'GET', path: '/repos/:repo/connection', for: 'people', may: 'anybody', masked: true },
    summary: 'Try every right that will be used where a repository is connected to',
    params: OfRepo,
    response: s.ConnectionView.extend({ rights: z.array(s.Right) }),
  }),
  blameLine: route({
    ...{ method: 'GET', path: '/repos/:repo/blame', for: 'people', may: 'anybody', masked: true },
    summary: 'Who brought a line of a file that is on the branch: ticket, run, decisions and release',
    params: OfRepo,
    query: z.object({
      file: z.string().min(1).max(4_096),
      line: z.coerce.number().int().positive().max(10_000_000),
    }),
    response: s.BlameView,
  }),
  setStep: route({
    ...{ method: 'POST', path: '/repos/:repo/autonomy', for: 'people', may: ANY_ROLE, there: true },
    summary: "Set the step of a repository, or of one kind of change; to raise one is an administrator's",
    params: OfRepo,
    body: s.NewStep,
    response: s.RepoView,
  }),

  showLadder: route({
    ...{ method: 'GET', path: '/ladder', for: 'people', may: 'anybody', masked: true },
    summary:
      'The autonomy ladder: its steps, where each unit and repository stands, and each criterion of what is next with its figure and entries of the trail',
    query: z.object({ repo: z.string().max(100).optional() }),
    response: s.LadderView,
  }),
  attest: route({
    ...{ method: 'POST', path: '/ladder/attestations', for: 'people', may: ADMIN, masked: true, there: true },
    summary: 'Attest a criterion of the ladder that the trail cannot see, with evidence and until when',
    body: s.NewAttestation,
    response: s.CriterionView,
    statuses: [201],
  }),

  // Policy
  showPolicy: route({
    ...{ method: 'GET', path: '/repos/:repo/policy', for: 'people', may: 'anybody', masked: true },
    summary: 'The layers of policy that gates of a repository are judged by now',
    params: OfRepo,
    response: s.PolicyView,
  }),

  replayPolicy: route({
    ...{ method: 'POST', path: '/policy/replay', for: 'people', may: ANY_ROLE, masked: true, there: true },
    summary:
      'Which past decisions would be others under another policy, from the facts that were kept; changes nothing',
    body: s.NewReplay,
    response: s.Replay,
  }),

  // Tickets
  fileTicket: route({
    ...{ method: 'POST', path: '/tickets', for: 'people', may: WRITERS, masked: true, there: true },
    summary: 'File a ticket; the same idempotency-key twice is one ticket',
    headers: z.object({ 'idempotency-key': z.string().min(1).max(200).optional() }),
    body: s.NewTicket,
    response: s.TicketView,
    statuses: [200, 201],
  }),
  listTickets: route({
    ...{ method: 'GET', path: '/tickets', for: 'people', may: 'anybody', masked: true },
    summary: 'Tickets, in the order in which they were filed; the newest part first',
    query: PartOfRepo,
    response: z.array(s.TicketView),
  }),
  showTicket: route({
    ...{ method: 'GET', path: '/tickets/:id', for: 'people', may: 'anybody', masked: true },
    summary: 'A ticket',
    params: OfTicket,
    response: s.TicketView,
  }),
  linkTicket: route({
    ...{ method: 'POST', path: '/tickets/:id/links', for: 'people', may: WRITERS, there: true },
    summary: 'What a ticket is elsewhere: in a tracker, a forge, a chat; said again it is the same',
    params: OfTicket,
    body: s.NewLink,
    response: s.TicketView,
  }),
  answerTicket: route({
    ...{
      method: 'POST',
      path: '/tickets/:id/answers',
      for: 'people',
      may: WRITERS,
      masked: true,
      there: true,
    },
    summary:
      "An answer to a planner's question or to a blocked implementer; on a ticket that is closed or reopened, word that starts another run",
    params: OfTicket,
    body: s.Answer,
    response: s.TicketView,
  }),

  // Runs
  listRuns: route({
    ...{ method: 'GET', path: '/runs', for: 'people', may: 'anybody', masked: true },
    summary: 'Runs, in the order in which they were opened; the newest part first',
    query: PartOfRepo,
    response: z.array(s.RunView),
  }),
  showRun: route({
    ...{ method: 'GET', path: '/runs/:id', for: 'people', may: 'anybody', masked: true },
    summary: 'A run',
    params: OfRun,
    response: s.RunView,
  }),
  watchRun: route({
    ...{ method: 'GET', path: '/runs/:id/events', for: 'people', may: 'anybody', masked: true },
    summary: 'The run whenever it changed, as server-sent events; ends with the run',
    params: OfRun,
    response: null,
    type: 'text/event-stream',
  }),
  explainRun: route({
    ...{ method: 'GET', path: '/runs/:id/why', for: 'people', may: 'anybody', masked: true },
    summary: 'Why it is as it is, the newest cause first',
    params: OfRun,
    response: s.WhyView,
  }),
  showDiff: route({
    ...{ method: 'GET', path: '/runs/:id/diff', for: 'people', may: 'anybody', masked: true },
    summary: 'Its change, what is dangerous first',
    params: OfRun,
    response: s.DiffView,
  }),
  showPlan: route({
    ...{ method: 'GET', path: '/runs/:id/plan', for: 'people', may: 'anybody', masked: true },
    summary: 'Its plan',
    params: OfRun,
    response: s.PlanView,
  }),
  listReviews: route({
    ...{ method: 'GET', path: '/runs/:id/reviews', for: 'people', may: 'anybody', masked: true },
    summary: 'The reviews that were handed in',
    params: OfRun,
    query: Part,
    response: z.array(s.ReviewView),
  }),
  listTests: route({
    ...{ method: 'GET', path: '/runs/:id/tests', for: 'people', may: 'anybody', masked: true },
    summary: 'Its test reports',
    params: OfRun,
    query: Part,
    response: z.array(s.TestsView),
  }),
  showLogs: route({
    ...{ method: 'GET', path: '/runs/:id/logs', for: 'people', may: 'anybody', masked: true },
    summary: 'What its agents did, a line a turn; of one `attempt`, what was said, called and answered too',
    params: OfRun,
    query: Part.extend({ attempt: z.string().max(100).optional() }),
    response: z.array(s.LogLine),
  }),
  showCost: route({
    ...{ method: 'GET', path: '/runs/:id/cost', for: 'people', may: 'anybody', masked: true },
    summary: 'What its stages cost, and the budgets that they are taken from',
    params: OfRun,
    response: s.CostView,
  }),
  steerRun: route({
    ...{ method: 'POST', path: '/runs/:id/steering', for: 'people', may: WRITERS, masked: true, there: true },
    summary:
      'Add a sentence to what the agents that are at work on it are to do; they read it beside the next results of their tools',
    params: OfRun,
    body: s.NewSteer,
    response: z.object({
      told: z.array(z.object({ attempt: z.string(), role: Role, task: z.string().nullable() })),
    }),
  }),
  cancelRun: route({
    ...{ method: 'POST', path: '/runs/:id/cancel', for: 'people', may: WRITERS, masked: true, there: true },
    summary: 'End it; a canary of it is taken back',
    params: OfRun,
    body: s.Reason,
    response: s.RunView,
  }),
  retryRun: route({
    ...{ method: 'POST', path: '/runs/:id/retry', for: 'people', may: WRITERS, masked: true, there: true },
    summary: 'A run that waits for a person, or ended without being done, goes on from where it was',
    params: OfRun,
    body: s.Reason,
    response: s.RunView,
  }),
  followUpRun: route({
    ...{
      method: 'POST',
      path: '/runs/:id/follow-ups',
      for: 'people',
      may: WRITERS,
      masked: true,
      there: true,
    },
    summary: 'File a ticket of what it left open or came across; the same twice is one ticket',
    params: OfRun,
    body: s.NewFollowUp,
    response: s.TicketView,
    statuses: [200, 201],
  }),
  exportRun: route({
    ...{ method: 'GET', path: '/runs/:id/bundle', for: 'verifiers', may: 'anybody' },
    summary: 'Its entries with what proves them, to be checked with no factory',
    params: OfRun,
    response: s.Bundle,
  }),
  listAttestations: route({
    ...{ method: 'GET', path: '/runs/:id/attestations', for: 'verifiers', may: 'anybody', masked: true },
    summary: 'The DSSE envelopes that the entries of a run name, a line of JSON each, with their digests',
    params: OfRun,
    query: Part,
    response: z.array(s.Attestation),
  }),

  // Gates
  listGates: route({
    ...{ method: 'GET', path: '/gates', for: 'people', may: 'anybody', masked: true },
    summary: 'Gates that wait for people, or all; the newest part first',
    query: PartOfRepo.extend({ state: z.enum(['waiting', 'all']).default('waiting') }),
    response: z.array(s.GateView),
  }),
  showGate: route({
    ...{ method: 'GET', path: '/gates/:id', for: 'people', may: 'anybody', masked: true },
    summary: 'A gate with its facts',
    params: OfGate,
    response: s.GateView,
  }),
  explainGate: route({
    ...{ method: 'GET', path: '/gates/:id/explanation', for: 'people', may: 'anybody', masked: true },
    summary:
      'Why it was decided so: policies, the facts that they read, and the fewest that would have to differ',
    params: OfGate,
    response: s.Explanation,
  }),
  showEvidence: route({
    ...{ method: 'GET', path: '/gates/:id/evidence', for: 'people', may: 'anybody', masked: true },
    summary: 'What a person decides on: the change by risk, plan, review, tests, and what a yes binds',
    params: OfGate,
    response: s.GateEvidence,
  }),
  approveGate: route({
    ...{
      method: 'POST',
      path: '/gates/:id/approve',
      for: 'people',
      may: ['approver'],
      masked: true,
      there: true,
    },
    summary: 'Say yes',
    params: OfGate,
    body: s.Reason,
    response: s.GateView,
  }),
  denyGate: route({
    ...{
      method: 'POST',
      path: '/gates/:id/deny',
      for: 'people',
      may: ['approver'],
      masked: true,
      there: true,
    },
    summary: 'Say no',
    params: OfGate,
    body: s.Reason,
    response: s.GateView,
  }),

  // Releases and targets
  listReleases: route({
    ...{ method: 'GET', path: '/releases', for: 'people', may: 'anybody', masked: true },
    summary: 'Releases, newest first',
    query: PartOfRepo,
    response: z.array(s.ReleaseView),
  }),
  showRelease: route({
    ...{ method: 'GET', path: '/releases/:id', for: 'people', may: 'anybody', masked: true },
    summary: 'A release',
    params: OfRelease,
    response: s.ReleaseView,
  }),
  listQuarantine: route({
    ...{ method: 'GET', path: '/quarantine', for: 'people', may: 'anybody' },
    summary: 'Commits that do not ship again until their revert is there too',
    query: PartOfRepo,
    response: z.array(s.QuarantineView),
  }),
  liftQuarantine: route({
    ...{
      method: 'POST',
      path: '/releases/:id/lift',
      for: 'people',
      may: DECIDERS,
      masked: true,
      there: true,
    },
    summary: 'Let ship again what a release brought; what was bad in it is then for the gate and the canary',
    params: OfRelease,
    body: s.Reason,
    response: s.QuarantineView,
  }),
  listTargets: route({
    ...{ method: 'GET', path: '/rollbacks', for: 'people', may: 'anybody' },
    summary:
      'Of each repository: what serves, what a rollback may go to, and what is in the way of going forward',
    query: PartOfRepo,
    response: z.array(s.RollbackStatus),
  }),
  rollBack: route({
    ...{ method: 'POST', path: '/rollbacks', for: 'people', may: ANY_ROLE, there: true },
    summary: 'Go back. Never harder than going forward: no gate, no halt and no freeze is asked',
    body: s.NewRollback,
    response: s.RollbackView,
  }),
  undoRollback: route({
    ...{ method: 'POST', path: '/rollbacks/undo', for: 'people', may: ANY_ROLE, there: true },
    summary: 'Forward again to what a rollback left, through its gate',
    body: s.NewUndo,
    response: s.UndoView,
  }),
  pauseCanary: route({
    ...{ method: 'POST', path: '/targets/:repo/pause', for: 'people', may: ANY_ROLE, there: true },
    summary: 'Hold a canary at its share; one that degrades goes back all the same',
    params: OfRepo,
    body: s.NewPause,
    response: s.CanaryAnswer,
  }),
  promoteCanary: route({
    ...{ method: 'POST', path: '/targets/:repo/promote', for: 'people', may: DECIDERS, there: true },
    summary: 'End the present bake, as the deploy gate allows it now',
    params: OfRepo,
    body: s.Reason,
    response: s.CanaryAnswer,
  }),
  abortCanary: route({
    ...{ method: 'POST', path: '/targets/:repo/abort', for: 'people', may: ANY_ROLE, there: true },
    summary: 'Take a canary back for good',
    params: OfRepo,
    body: s.Reason,
    response: s.CanaryAnswer,
  }),
  freezeTarget: route({
    ...{ method: 'POST', path: '/targets/:repo/freeze', for: 'people', may: ANY_ROLE, there: true },
    summary: 'Nothing goes forward on it',
    params: OfRepo,
    body: s.Reason,
    response: s.TargetFrozen,
  }),
  thawTarget: route({
    ...{ method: 'POST', path: '/targets/:repo/thaw', for: 'people', may: DECIDERS, there: true },
    summary: 'Go on after a freeze',
    params: OfRepo,
    body: s.Reason,
    response: s.TargetFrozen,
  }),

  // The trail
  listTrail: route({
    ...{ method: 'GET', path: '/trail', for: 'people', may: 'anybody', asRecorded: true },
    summary:
      'A part of the trail as an account. The next one: `since` the last position (`before` it, with `order=newest`). A part may be shorter than `limit` where payloads are large; the end is an empty one.',
    query: OfTrail.extend({
      since: Size.default(0),
      before: Size.optional(),
      order: z.enum(['oldest', 'newest']).default('oldest'),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
    response: z.array(s.TrailLine),
  }),
  watchTrail: route({
    ...{ method: 'GET', path: '/events', for: 'people', may: 'anybody', asRecorded: true },
    summary:
      'What comes onto the trail, an `entry` of the trail each, as server-sent events whose ids are positions: after `Last-Event-ID`, else after `since`, else from now on',
    query: OfTrail.extend({ since: Size.optional() }),
    headers: z.object({ 'last-event-id': Size.optional() }),
    response: null,
    type: 'text/event-stream',
  }),
  redact: route({
    ...{ method: 'POST', path: '/trail/redactions', for: 'people', may: ADMIN },
    summary: 'Erase the free text of an entry; proofs and state stand as they were',
    body: s.NewRedaction,
    response: s.Redacted,
  }),
  exportEvidence: route({
    ...{ method: 'GET', path: '/trail/evidence', for: 'verifiers', may: 'anybody' },
    summary:
      'An evidence pack: change approvals, segregation of duties, access, incidents, rollbacks, each line with the entries it rests on and their proofs. `from`, instead of `since`: the first entry of this time or later',
    query: z.object({ framework: z.enum(['soc2']), since: Size.optional(), from: Size.optional() }),
    response: s.EvidencePackView,
  }),
  showCheckpoint: route({
    ...{ method: 'GET', path: '/trail/checkpoint', for: 'verifiers', may: 'anybody' },
    summary:
      'The latest signed checkpoint (or that of `size`; or the next after `after`, waited for) as JSON, or as a note for Accept: text/plain',
    query: z.object({
      after: Size.optional(),
      size: Size.optional(),
      waitMs: z.coerce.number().int().min(0).max(25_000).default(0),
    }),
    response: s.CheckpointView,
  }),
  proveEntry: route({
    ...{ method: 'GET', path: '/trail/proof/:position', for: 'verifiers', may: 'anybody' },
    summary: 'An entry with what proves it',
    params: z.object({ position: Position }),
    response: s.Bundle,
  }),
  proveConsistency: route({
    ...{ method: 'GET', path: '/trail/consistency', for: 'verifiers', may: 'anybody' },
    summary: 'That the trail of `to` entries goes on from that of `from`',
    query: z.object({ from: Size, to: Size }),
    response: z.object({ from: z.number(), to: z.number(), proof: z.array(z.string().max(64)).max(64) }),
  }),
  exportRange: route({
    ...{ method: 'GET', path: '/trail/range', for: 'verifiers', may: 'anybody' },
    summary:
      'Every entry after `since` and up to `until` (default: up to the latest checkpoint), as lines of JSON with what proves them; see docs/trail.md',
    query: z.object({ since: Size, until: Position.optional() }),
    response: null,
    type: 'application/x-ndjson',
  }),
  readLog: route({
    ...{ method: 'GET', path: '/trail/log', for: 'verifiers', may: 'anybody' },
    summary: 'Entries and checkpoints as they are, for whoever checks all of the trail',
    query: z.object({
      after: Size.default(0),
      limit: z.coerce.number().int().min(1).max(2_000).default(1_000),
    }),
    response: s.LogPage,
  }),
  showKey: route({
    ...{ method: 'GET', path: '/trail/key', for: 'verifiers', may: 'anybody' },
    summary: 'The verifier key of checkpoints, and how those before it handed over',
    response: s.KeyView,
  }),
  rotateKey: route({
    ...{ method: 'POST', path: '/trail/key/rotate', for: 'people', may: ADMIN },
    summary: 'A new key, vouched for by the old one on the trail',
    response: z.object({ previous: z.string(), next: z.string() }),
  }),
  cosign: route({
    ...{ method: 'POST', path: '/trail/cosignatures', for: 'systems', may: 'anybody' },
    summary: "A witness's signature lines on the checkpoint of this size",
    body: z.strictObject({ size: z.number().int().positive(), signatures: z.string().max(16_384) }),
    response: z.object({ size: z.number(), signatures: z.array(z.enum(['added', 'known'])) }),
  }),

  // From other systems
  deliver: route({
    ...{ method: 'POST', path: '/repos/:repo/deliveries', for: 'systems', may: 'signed' },
    summary:
      'What the place that a repository is connected to delivers: signed there with the secret that connecting told, it is looked at there at once',
    params: OfRepo,
    response: z.object({ taken: z.boolean() }),
    statuses: [202],
  }),
  alert: route({
    ...{ method: 'POST', path: '/incidents/alertmanager/:repo', for: 'systems', may: 'signed', masked: true },
    summary:
      "What Alertmanager sends, signed with the repository's secret MILLWRIGHT_ALERTS: as x-millwright-signature, or the secret as a Bearer token",
    params: OfRepo,
    response: z.object({ ticket: TicketId.nullable(), again: z.boolean() }),
    statuses: [200, 201],
  }),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;
export type RouteOf<N extends RouteName> = (typeof ROUTES)[N];
export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

/** Routes whose role has to be had where it is used. */
export type ScopedRoute = {
  [N in RouteName]: RouteOf<N> extends { readonly there: true } ? N : never;
}[RouteName];
