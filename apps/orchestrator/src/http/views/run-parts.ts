import type { CostView, DiffView, LogLine, PlanView, ReviewView, TestsView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  type AttemptId,
  type ChangeFacts,
  type Digest,
  type GitSha,
  getJson,
  isUnmet,
  Plan,
  Release,
  Review,
  type Run,
  streamOf,
  TestReport,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { z } from 'zod';
import { riskBetween } from '../../gates/facts.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import { scopesOf } from '../../streams/budgets.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { sentence } from './account.ts';
import { filesByRisk } from './change-view.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  knownSecrets: KnownSecrets;
  register: Register;
  repositories: Repositories;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

// What the stages of a run made, for whoever decides on it: its change, plan, reviews, tests, and what its agents did.

/** Which trees a run's change lies between; null before anything was made. */
export function changeOf(run: Run): { of: string; from: GitSha; to: GitSha } | null {
  if (run.change) return { of: 'the whole change', from: run.base.tree, to: run.change.tree };
  if (run.head.tree !== run.base.tree)
    return { of: 'what is integrated so far', from: run.base.tree, to: run.head.tree };
  const made = [...run.tasks, run.integration].findLast((work) => work.made !== null);
  return made?.made
    ? {
        of: `task ${made.task ?? 'of the whole'}, not integrated yet`,
        from: made.made.from,
        to: made.made.tree,
      }
    : null;
}

export async function diffView(
  factory: Ports,
  run: Run,
  { of, from, to }: { of: string; from: GitSha; to: GitSha },
  report: TestReport | null,
): Promise<DiffView> {
  const repo = await factory.repositories.open(run.repo);
  const facts: ChangeFacts = await riskBetween(factory, run, from, to, report);
  return {
    run: run.id,
    of,
    from,
    to,
    risk: facts.risk,
    reasons: facts.reasons.map((one) => one.text),
    files: filesByRisk(await repo.changed(from, to), (await repo.diff(from, to)).toString('utf8'), facts),
  };
}

export async function planView({ store }: Ports, run: Run): Promise<PlanView> {
  const handedIn = run.stages.findLast((stage) => stage.role === 'plan' && stage.outcome?.kind === 'done');
  const artifact =
    run.plan ?? (handedIn?.outcome?.kind === 'done' ? (handedIn.outcome.artifact as Digest) : null);
  return {
    run: run.id,
    artifact,
    plan: artifact === null ? null : await getJson(store.artifacts, Plan, artifact),
  };
}

/** In the order in which they were handed in. */
export function reviewViews({ store }: Ports, run: Run, reviews = run.reviews): Promise<ReviewView[]> {
  const now = new Set([run.change?.patchId, ...run.tasks.map((work) => work.made?.patchId)]);
  return Promise.all(
    reviews.map(async ({ review, patchId }) => {
      const { verdict, summary, findings } = await getJson(store.artifacts, Review, review);
      const stage = run.stages.find((one) => one.outcome?.kind === 'done' && one.outcome.artifact === review);
      return {
        task: stage?.task ?? null,
        verdict,
        summary,
        findings,
        patchId,
        artifact: review,
        current: now.has(patchId),
      };
    }),
  );
}

/** In the order in which they were made, the release's last. */
export async function testViews({ store }: Ports, run: Run): Promise<TestsView[]> {
  const now = run.change?.tree ?? run.head.tree;
  const sources = await Promise.all(
    run.tests.map(async ({ report, tree }) => ({
      of: 'sources' as const,
      current: tree === now,
      artifact: report as string,
      report: await getJson(store.artifacts, TestReport, report),
    })),
  );
  if (run.release === null) return sources;
  const { artifact } = run.release;
  const { test } = await getJson(store.artifacts, Release, artifact);
  return [...sources, { of: 'release', current: true, artifact, report: test }];
}

/** The lines of a report that say what failed, for a place that has room for `most`. */
export function failureLines(report: TestReport, most: number): string[] {
  const grouped = report.failures.flatMap(({ cause, tests, count }) => [
    ...cause.split('\n'),
    `  in ${tests.slice(0, 3).join(', ')}${count > 3 ? ` and ${count - 3} more` : ''}`,
  ]);
  const failed = report.acceptance.find(isUnmet);
  const output = (report.suite?.output ?? failed?.result.output ?? '').trim();
  const said =
    grouped.length > 0 ? grouped.slice(0, most) : output === '' ? [] : output.split('\n').slice(-most);
  return [report.reason, ...said];
}

const StoredTurn = z.object({ assistant: z.array(z.unknown()), results: z.array(z.unknown()) });
const Block = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('tool_use'), name: z.string(), input: z.unknown() }),
  z.object({ type: z.literal('tool_result'), content: z.unknown() }),
]);
/** Of one block of a conversation. Characters. */
const BLOCK_MOST = 8_000;

/** What a model said, called and was answered; kinds of blocks that say nothing to a person are left out. */
async function blocksOf({ store }: Ports, record: Digest): Promise<LogLine['blocks']> {
  const turn = await getJson(store.artifacts, StoredTurn, record);
  return [...turn.assistant, ...turn.results].flatMap((given) => {
    const block = Block.safeParse(given);
    if (!block.success) return [];
    const [kind, text] = blockText(block.data);
    return [{ kind, text: text.slice(0, BLOCK_MOST), cut: text.length > BLOCK_MOST }];
  });
}

function blockText(block: z.infer<typeof Block>): [LogLine['blocks'][number]['kind'], string] {
  switch (block.type) {
    case 'text':
      return ['says', block.text];
    case 'tool_use':
      return ['calls', `${block.name} ${JSON.stringify(block.input)}`];
    case 'tool_result':
      return ['gets', typeof block.content === 'string' ? block.content : JSON.stringify(block.content)];
  }
}

/** What is recorded of its attempts, or of one of them, by time. */
export async function recordedOf({ trail }: Ports, run: Run, attempt: string | undefined) {
  const stages = run.stages.filter((one) => attempt === undefined || one.attempt === attempt);
  const recorded = await Promise.all(
    stages.map(async (stage) =>
      (await trail.read(streamOf.attempt(stage.attempt))).map((one) => ({ ...one, stage })),
    ),
  );
  return recorded.flat().sort((a, b) => a.envelope.position - b.envelope.position);
}

/** What an agent did, of an entry; `whole`: with what was said. */
export async function logLine(
  factory: Ports,
  { envelope, entry, stage }: Awaited<ReturnType<typeof recordedOf>>[number],
  whole: boolean,
): Promise<LogLine> {
  const turn = entry.type === 'turn.recorded' ? entry.data : null;
  return {
    at: envelope.at,
    position: envelope.position,
    attempt: stage.attempt,
    role: stage.role,
    task: stage.task,
    turn: 'turn' in entry.data ? entry.data.turn : null,
    text: turn?.action ?? sentence(entry),
    usd: turn?.usage.usd ?? 0,
    blocks: whole && turn !== null ? await blocksOf(factory, turn.record) : [],
  };
}

/** About so many characters are a token; no more is known of what was not billed by itself. */
const CHARS_PER_TOKEN = 4;
const DEAREST = 5;

/** What a run cost, by stage and by what its tokens were, its dearest turns, and the budgets that it was taken from. */
export async function costView(
  factory: Ports,
  run: Run,
  seen: { usage: CostView['usage']; stages: Omit<CostView['stages'][number], 'went'>[] },
): Promise<CostView> {
  const scopes = await scopesOf(factory, run);
  const all = await factory.store.budget.list({ scopes });
  const spent = await Promise.all(
    seen.stages.map(async ({ kind, task, attempt, attemptId, model, turns, usage }) => {
      const { went, recorded } = await spentBy(factory, attemptId);
      return { stage: { kind, task, attempt, attemptId, model, turns, usage, went }, recorded };
    }),
  );
  return {
    run: run.id,
    usage: seen.usage,
    stages: spent.map(({ stage }) => stage),
    dearest: spent
      .flatMap(({ stage: { attemptId, kind, task }, recorded }) =>
        recorded.map(({ turn, action, usage }) => ({ attemptId, kind, task, turn, action, usage })),
      )
      .sort((a, b) => b.usage.usd - a.usage.usd)
      .slice(0, DEAREST),
    budgets: scopes.flatMap((scope) => all.filter((one) => one.scope === scope)),
  };
}

/** Of one attempt: its recorded turns, and in tokens what they were spent on. */
async function spentBy({ store, trail }: Ports, attemptId: string) {
  const entries = await trail.read(streamOf.attempt(attemptId as AttemptId));
  const recorded = entries.flatMap(({ entry }) => (entry.type === 'turn.recorded' ? [entry.data] : []));
  const turns = await Promise.all(recorded.map(({ record }) => getJson(store.artifacts, StoredTurn, record)));
  const tokens = (blocks: readonly unknown[]) =>
    Math.round(
      blocks.reduce<number>((sum, given) => {
        const block = Block.safeParse(given);
        return block.success ? sum + blockText(block.data)[1].length : sum;
      }, 0) / CHARS_PER_TOKEN,
    );
  const written = turns.reduce((sum, { assistant }) => sum + tokens(assistant), 0);
  const output = recorded.reduce((sum, { usage }) => sum + usage.outputTokens, 0);
  const went = {
    toolOutput: turns.reduce((sum, { results }) => sum + tokens(results), 0),
    written: Math.min(written, output),
    thinking: Math.max(0, output - written),
  };
  return { recorded, went };
}
