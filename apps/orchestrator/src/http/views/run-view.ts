import type { Act, GateView, RunView, StageView } from '@millwright/api';
import type { RunInfo } from '@millwright/domain';
import {
  AcceptanceChecks,
  addUsage,
  type Digest,
  type Finding,
  type Fold,
  type Gate,
  getJson,
  goesUnreviewed,
  isUnmet,
  JudgedFacts,
  keptRef,
  Noticed,
  noUsage,
  Plan,
  type Plan as PlanType,
  questionOf,
  Review,
  type Role,
  type Run,
  type Stage,
  sendsBack,
  streamOf,
  TestReport,
  Ticket,
  type Todo,
  todo,
  uncounted,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { z } from 'zod';

type Names = Map<string, string>;

const gateState = (gate: Gate): GateView['state'] => {
  if (gate.ended) return gate.ended;
  if (gate.decision === 'allow') return 'allowed';
  if (gate.decision === 'deny') return 'denied';
  if (gate.decision !== 'needs_approval') return 'asked';
  // The last yes is there: it is judged again, and waits for nobody.
  return gate.needsJudgement && gate.approvals.length >= gate.approvalsNeeded ? 'asked' : 'waiting';
};

/** As it was decided; while a yes is newer than the decision, what that yes makes of it. */
function reasonOf(gate: Gate, decided: string): string {
  if (!gate.needsJudgement || gate.decision !== 'needs_approval' || gate.ended !== null)
    return gate.reason || decided;
  const { length } = gate.approvals;
  return length >= gate.approvalsNeeded
    ? 'every approval is there; it is judged once more'
    : `${length} of ${gate.approvalsNeeded} approvals are there`;
}

export async function gateView(
  store: Store,
  info: RunInfo,
  run: Run,
  gate: Gate,
  names: Names,
  title: string,
  withFacts: boolean,
): Promise<GateView> {
  const decided = info.policies[gate.gate];
  // As they were kept, in their order: a factory of before knew fewer.
  const facts = withFacts && decided ? await getJson(store.artifacts, z.unknown(), decided.facts) : null;
  return {
    id: gate.gate,
    run: run.id,
    title,
    repo: run.repo,
    action: gate.action,
    subject: gate.subject,
    state: gateState(gate),
    decision: gate.decision,
    policies: decided?.policies ?? [],
    reason: reasonOf(gate, decided?.reason ?? ''),
    approvalsNeeded: gate.approvalsNeeded,
    approvals: info.approvals
      .filter((one) => one.gate === gate.gate)
      .map((one) => ({
        person: one.person as never,
        name: names.get(one.person) ?? one.person,
        reason: one.reason,
        at: one.at,
      })),
    expiresAt: gate.expiresAt,
    stop: null,
    acts: facts === null ? [] : inTheWay(JudgedFacts.parse(facts), decided?.policies ?? []),
    changedAt: info.gatesAt[gate.gate] ?? info.openedAt,
    facts,
  };
}

/** What is done about the changes that a gate's decision names. */
function inTheWay(facts: JudgedFacts, policies: readonly string[]): Act[] {
  if (facts.action === 'start') return [];
  const held = policies.includes('quarantine') ? facts.quarantine.map(({ release }) => release) : [];
  const carried = facts.action === 'deploy' && policies.includes('deploy-carries') ? facts.undecided : [];
  return [
    ...[...new Set(held)].map((id): Act => ({ act: 'lift-quarantine', id, to: 'to let it ship again' })),
    ...carried.map(({ gate }): Act => ({ act: 'show-gate', id: gate, to: 'what is carried' })),
  ];
}

export async function runView(
  store: Store,
  fold: Fold,
  info: RunInfo,
  now: number,
  names: Names,
  /** With what the tests said that sent it back: an artifact each, which a list does without. */
  whole = false,
  stop: RunView['stop'] = null,
): Promise<Omit<RunView, 'canary'> | null> {
  // Taken together before anything is awaited: the fold moves on meanwhile.
  const { state: run, openedAt, closedAt } = info;
  if (run.kind !== 'run') return null;
  const [ticket, plan, failures, open, checks, noticed] = await Promise.all([
    getJson(store.artifacts, Ticket, run.ticketDigest),
    run.plan === null ? null : getJson(store.artifacts, Plan, run.plan),
    whole ? failuresOf(store, run) : new Map<Digest, string>(),
    whole ? openFindings(store, run) : [],
    whole ? checksOf(store, run) : [],
    whole ? noticedIn(store, run) : [],
  ]);
  const stages = run.stages.map((stage, index) => stageView(fold, run, stage, index, plan, failures));
  const pause = run.closed === null ? pausedCanary(fold, run) : null;
  const short = run.closed === null ? shortOfMoney(fold, run) : null;
  const waits = run.closed === null ? todo(run, now).filter((step) => step.do === 'wait') : [];
  return {
    id: run.id,
    ticket: run.ticket,
    title: ticket.title,
    repo: run.repo,
    state:
      run.closed?.end ??
      (stop !== null
        ? 'halted'
        : pause !== null || short !== null || waits.length > 0 || run.parked !== null
          ? 'waiting'
          : 'running'),
    reason: run.closed?.reason ?? stop?.reason ?? pause ?? short ?? waitingFor(run, waits),
    stop: run.closed === null ? stop : null,
    acts: stop === null ? letsGoOn(fold, run) : [],
    model: stages.find((stage) => stage.model !== null)?.model ?? null,
    stages,
    gates: await Promise.all(
      run.gates.map((gate) => gateView(store, info, run, gate, names, ticket.title, false)),
    ),
    change: run.change && { base: run.change.base, commit: run.change.commit, tree: run.change.tree },
    delivered:
      run.merge?.kind === 'finished'
        ? { kind: run.merge.delivered, ref: run.merge.ref, commit: run.merge.commit }
        : null,
    release: run.release?.release ?? null,
    kept: keptRef(run),
    skipped: skippedOf(run),
    checks,
    open,
    noticed,
    unknown: unknownOf(fold, run),
    usage: stages.reduce((sum, stage) => addUsage(sum, stage.usage), noUsage()),
    startedAt: openedAt,
    endedAt: closedAt,
  };
}

/** What its reason asks of a person. */
function letsGoOn(fold: Fold, run: Run): Act[] {
  if (run.closed !== null)
    return run.closed.end === 'failed' && run.deploy === null
      ? [{ act: 'retry-run', id: run.id, to: 'to go on from where it was' }]
      : [];
  const paused = pausedFor(fold, run);
  if (paused !== null) return [{ act: 'set-budget', budget: paused.scope }];
  return questionOf(run) === null ? [] : [{ act: 'answer-ticket', id: run.ticket, again: false }];
}

/** What the repository lets this run go without, and does. */
function skippedOf(run: Run): string | null {
  const skipped = [
    run.checksSkipped === null
      ? []
      : [`acceptance checks: millwright.yaml skips them for tickets of kind ${run.checksSkipped}`],
    goesUnreviewed(run)
      ? [`review: millwright.yaml skips it for trivial changes of tickets of kind ${run.reviewSkipped?.kind}`]
      : [],
  ].flat();
  return skipped.length === 0 ? null : skipped.join('; ');
}

/** Effects of the run without an outcome, whose owner is gone. */
function unknownOf({ effects }: Fold, run: Run): RunView['unknown'] {
  const own = new Set<string>([
    streamOf.run(run.id),
    ...run.stages.map((one) => streamOf.attempt(one.attempt)),
  ]);
  return effects
    .list()
    .filter((open) => effects.isUnknown(open))
    .filter(
      ({ stream, release }) => own.has(stream) || (release !== null && release === run.release?.release),
    )
    .map(({ kind, position, at }) => ({ effect: kind, position, at }));
}

/** Each acceptance check as its tester wrote it last. A test of another tree, or with the checks of before, says nothing of it. */
async function checksOf({ artifacts }: Store, run: Run): Promise<RunView['checks']> {
  if (run.checks === null) return [];
  const tree = run.change?.tree ?? null;
  const tested = run.tests.findLast((one) => one.task === null && (tree === null || one.tree === tree));
  const [{ checks }, report] = await Promise.all([
    getJson(artifacts, AcceptanceChecks, run.checks),
    tested === undefined ? null : getJson(artifacts, TestReport, tested.report),
  ]);
  const ran = report?.checks === run.checks ? report.acceptance : [];
  return checks.map(({ acceptance, kind = 'change' }, at) => {
    const result = ran[at];
    const why = result === undefined ? 'it was not run on the change as it is' : uncounted(result);
    if (result === undefined || why !== null) return { acceptance, kind, state: 'cannot_tell', why };
    return { acceptance, kind, state: isUnmet(result) ? 'not_met' : 'met', why };
  });
}

/** What the reviews of the change as it is left open, each once: the whole's review may say again what a task's has said. */
async function openFindings(store: Store, run: Run): Promise<Finding[]> {
  const now = new Set([run.change?.patchId, ...run.tasks.map((work) => work.made?.patchId)]);
  const reviews = await Promise.all(
    run.reviews
      .filter(({ verdict, patchId }) => verdict === 'approve' && now.has(patchId))
      .map(({ review }) => getJson(store.artifacts, Review, review)),
  );
  const all = reviews.flatMap(({ findings }) => findings);
  return [...new Map(all.map((one) => [`${one.path} ${one.message}`, one])).values()];
}

/** What its agents came across, each once: several roles may see the same. */
async function noticedIn({ artifacts }: Store, run: Run): Promise<RunView['noticed']> {
  const said = await Promise.all(
    run.stages.map(async ({ role, task, outcome }) => {
      if (outcome?.kind !== 'done' || outcome.noticed === undefined) return [];
      const { faults } = await getJson(artifacts, Noticed, outcome.noticed);
      return faults.map((text) => ({ role, task, text }));
    }),
  );
  return [...new Map(said.flat().map((one) => [one.text, one])).values()];
}

/** What can be followed up, in the order of its numbers: what reviews left open, then what agents noticed. */
export const followUpsOf = ({
  open,
  noticed,
}: Pick<RunView, 'open' | 'noticed'>): { text: string; by: string }[] => [
  ...open.map(({ path, line, message }) => ({
    text: `${path}${line === undefined ? '' : `:${line}`}: ${message}`,
    by: 'reviewer',
  })),
  ...noticed.map(({ role, text }) => ({ text, by: AGENTS[role] })),
];

const AGENTS: Readonly<Record<Role, string>> = {
  plan: 'planner',
  implement: 'implementer',
  review: 'reviewer',
  test: 'tester',
  deploy: 'release writer',
};

/** Why each report that sent the run back did, by its digest. */
async function failuresOf(store: Store, run: Run): Promise<Map<Digest, string>> {
  const failed = run.tests.filter((one) => sendsBack(one.verdict));
  const reports = await Promise.all(
    failed.map(async ({ report }) => [report, await getJson(store.artifacts, TestReport, report)] as const),
  );
  return new Map(reports.map(([digest, { reason }]) => [digest, reason]));
}

function stageView(
  fold: Fold,
  run: Run,
  stage: Stage,
  index: number,
  plan: PlanType | null,
  failures: Map<Digest, string>,
): StageView {
  const attempt = fold.attempts.get(stage.attempt);
  const { outcome } = stage;
  const tasks = plan?.kind === 'tasks' ? plan.tasks : [];
  return {
    kind: stage.role,
    task: stage.task,
    title: tasks.find((task) => task.id === stage.task)?.title ?? (writesChecks(run, index) ? CHECKS : null),
    attempt: run.stages
      .slice(0, index + 1)
      .filter((one) => one.role === stage.role && one.task === stage.task).length,
    attemptId: stage.attempt,
    state: stageState(
      run,
      stage,
      attempt !== undefined && attempt.claimedAt !== null && attempt.paused === null,
    ),
    reason: !outcome
      ? null
      : outcome.kind === 'done'
        ? (failures.get(outcome.artifact) ?? null)
        : outcome.reason,
    artifact: outcome?.kind === 'done' ? outcome.artifact : null,
    action: attempt?.action ?? null,
    asks: attempt?.asks ?? null,
    doing: null,
    turns: attempt?.turns ?? 0,
    model: attempt?.model ?? null,
    startedAt: attempt?.claimedAt ?? attempt?.openedAt ?? 0,
    endedAt: attempt?.endedAt ?? null,
    usage: attempt?.usage ?? noUsage(),
  };
}

const CHECKS = 'acceptance checks';

/** The tester's stages come before those that test a tree with what it wrote. */
function writesChecks(run: Run, index: number): boolean {
  const { role, task, outcome: end } = run.stages[index] ?? {};
  const earlier = run.disputes.map(({ checks }) => checks);
  if (end?.kind === 'done' && earlier.includes(end.artifact)) return true;
  const written = run.stages.findIndex(
    ({ outcome }) => outcome?.kind === 'done' && outcome.artifact === run.checks,
  );
  // What was held against stands between two that write.
  const first = earlier.length === 0 || end?.kind !== 'done' || index === written;
  return role === 'test' && task === null && first && (run.checks === null || index <= written);
}

function stageState(run: Run, stage: Stage, claimed: boolean): StageView['state'] {
  switch (stage.outcome?.kind) {
    case undefined:
      return claimed ? 'running' : 'waiting';
    case 'failed':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'done': {
      const { artifact } = stage.outcome;
      const refused =
        stage.role === 'review'
          ? run.reviews.some((one) => one.review === artifact && one.verdict === 'request_changes')
          : run.tests.some((one) => one.report === artifact && sendsBack(one.verdict));
      return refused ? (stage.role === 'review' ? 'changes_requested' : 'failed') : 'done';
    }
  }
}

/** A canary that cannot be judged yet: what it needs, and until when it is waited for. */
function pausedCanary(fold: Fold, run: Run): string | null {
  if (run.deploy?.kind !== 'started') return null;
  const { judged } = fold.target(run.repo);
  if (judged?.release !== run.release?.release || !judged?.until || judged.fence < run.deploy.fence)
    return null;
  return `the canary pauses at ${judged.percent} % of traffic: ${judged.reason}; it needs ${judged.needs}; without it traffic goes back at ${new Date(judged.until).toISOString()}`;
}

/** What an attempt of the run waits for, where a budget is reached. */
export const pausedFor = (fold: Fold, run: Run) =>
  run.stages.map(({ attempt }) => fold.attempts.get(attempt)?.paused ?? null).find((one) => one !== null) ??
  null;

/** A budget that is reached: what it lacks. */
function shortOfMoney(fold: Fold, run: Run): string | null {
  const paused = pausedFor(fold, run);
  if (paused === null) return null;
  const { scope, leftUsd, needUsd } = paused;
  return `paused: the budget of ${scope} had $${leftUsd.toFixed(2)} left, and the next call may cost $${needUsd.toFixed(2)}; all that was done is kept, and it goes on by itself once there is enough`;
}

function waitingFor(run: Run, waits: readonly Extract<Todo, { do: 'wait' }>[]): string | null {
  if (run.question) return `the planner asks: ${run.question.question}`;
  const asked = questionOf(run);
  if (asked) return `${asked.question} — answer, or cancel the run`;
  if (run.parked) return `waits for a person: ${run.parked.reason}; all that was made is kept`;
  const gate = run.gates.findLast((one) => one.decision === 'needs_approval' && one.ended === null);
  const again = waits.find((wait) => wait.for === 'retry');
  if (again) {
    const { outcome } = run.stages.findLast((one) => one.outcome?.kind === 'failed') ?? {};
    return `${outcome?.kind === 'failed' ? `${outcome.reason}; ` : ''}tried again at ${new Date(again.until).toISOString()}`;
  }
  return gate
    ? `the ${gate.action} gate needs ${gate.approvalsNeeded} approval${gate.approvalsNeeded === 1 ? '' : 's'}; it has ${gate.approvals.length}`
    : null;
}
