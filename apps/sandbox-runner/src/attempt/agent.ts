import type { Materials } from '@millwright/agents';
import { action, effortOf, modelsOf, type RoleResult, runRole, type Submissions } from '@millwright/agents';
import {
  type AttemptPause,
  type AttemptSpec,
  cancelled,
  type Digest,
  type GitSha,
  HandedOver,
  maskSecrets,
  Noticed,
  putJson,
  type Role,
  retryable,
  type SpecOf,
  terminal,
  type Workspace,
} from '@millwright/domain';
import { BASE_AT, type Checkout, type Sandbox } from '@millwright/sandbox';
import type { Toolchain } from '@millwright/toolchains';
import type { Prepared } from '../verify/run-suite.ts';
import { haltedBy } from './halts.ts';
import { actorOf, type Held } from './runner.ts';
import { steersOn } from './steers.ts';
import { lastWorkspace, turnLog } from './turn-log.ts';

/** `base`: what the workspace's tree was made on, where that is another tree. */
type Options = { purpose: string; resume: boolean; base?: Checkout };
export type AgentWorkspace = Pick<Sandbox, 'exec' | 'read' | 'write' | 'start' | 'snapshot'>;

/** Opens the attempt's sandbox on `on` (as the last recorded turn left it) and puts it on the trail. */
async function openSandbox(held: Held, on: Prepared, options: Options): Promise<Sandbox> {
  const { runner, spec, stream } = held;
  const digest = options.resume ? workspaceOf(held) : null;
  const opened = await runner.sandboxes.open({
    ...{ run: spec.run, attempt: spec.attempt, purpose: options.purpose },
    ...{ checkout: on.checkout, deps: on.layer, root: on.root },
    ...(on.image === undefined ? {} : { image: on.image }),
    ...(digest === null ? {} : { restore: await runner.artifacts.get(digest) }),
    ...(baseOf(on, options) === null ? {} : { base: options.base }),
    limits: { wallMs: Math.max(1_000, spec.deadline - runner.clock.now()) },
  });
  if (opened.kind === 'refused') throw terminal('sandbox-refused', `No sandbox: ${opened.reason}.`);
  const { sandbox } = opened;
  try {
    const entry = {
      type: 'attempt.sandboxed',
      data: { container: sandbox.container, purpose: options.purpose },
    } as const;
    const appended = await stream.append(actorOf(runner), [entry]);
    if (appended.kind !== 'appended') throw cancelled('taken-over', 'the attempt has moved on');
    if (baseOf(on, options) !== null) await layOnBase(sandbox);
    return sandbox;
  } catch (error) {
    await sandbox.destroy();
    throw error;
  }
}

/** What its workspace was last, in this attempt or in the one that left it its work; null: as its tree has it. */
export const workspaceOf = ({ past, spec }: Held): Digest | null =>
  lastWorkspace(past) ?? spec.workspace ?? null;

const baseOf = (on: Prepared, { base }: Options): Checkout | null =>
  base === undefined || base.tree === on.checkout.tree ? null : base;

/** HEAD on top of the base's own, whose objects stay where they are. Again in a workspace that has it, it does nothing. */
const LAY_ON_BASE = `cd .git && { [ -e objects/info/alternates ] || {
  mkdir -p objects/info && echo ${BASE_AT}/.git/objects >objects/info/alternates &&
  made=$(git commit-tree "$(git rev-parse 'HEAD^{tree}')" -p "$(cat ${BASE_AT}/.git/refs/heads/main)" -m 'The work so far') &&
  git update-ref HEAD "$made"
}; }`;

/** So that \`git show HEAD\` is the change and \`git diff HEAD~1\` all of it. For its agent to look at: nothing is computed from it. */
async function layOnBase(sandbox: Sandbox): Promise<void> {
  const done = await sandbox.exec(LAY_ON_BASE, { timeoutMs: 30_000, maxBytes: 4_096 });
  if (done.kind === 'exited' && done.exitCode === 0) return;
  const why = done.kind === 'exited' ? done.output.trim().slice(0, 500) : done.kind;
  throw retryable('workspace-history', `The workspace could not be laid on its base: ${why}.`);
}

/** The attempt's sandbox, destroyed when `use` is done, however it ends. */
export async function withSandbox<T>(
  held: Held,
  on: Prepared,
  options: Options,
  use: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const sandbox = await openSandbox(held, on, options);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.destroy();
  }
}

/** The same for an agent that may well do without: the first tool that needs it opens it. */
export async function withSandboxAsNeeded<T>(
  held: Held,
  on: Prepared,
  options: Options,
  use: (workspace: AgentWorkspace) => Promise<T>,
): Promise<T> {
  let opened = null as Promise<Sandbox> | null;
  const sandbox = () => {
    opened ??= openSandbox(held, on, options);
    return opened;
  };
  try {
    return await use({
      exec: async (...args) => (await sandbox()).exec(...args),
      read: async (...args) => (await sandbox()).read(...args),
      write: async (...args) => (await sandbox()).write(...args),
      start: async (...args) => (await sandbox()).start(...args),
      snapshot: async () => (await sandbox()).snapshot(),
    });
  } finally {
    // One that could not be opened left nothing, and its tool was told.
    await opened?.then(
      (made) => made.destroy(),
      () => undefined,
    );
  }
}

/** The attempt waits for a budget; what is recorded of it stays. */
export class BudgetReached extends Error {
  readonly pause: AttemptPause;

  constructor({ scope, needUsd, leftUsd, detail }: Extract<RoleResult<Role>, { kind: 'paused' }>) {
    super(detail);
    this.pause = { scope, needUsd, leftUsd };
  }
}

/** An agent's commands have the repository's own programs on their PATH, after the system's, as the judge's command has them. */
function withPrograms(sandbox: AgentWorkspace, { programs }: Toolchain): Workspace {
  const path = `PATH="$PATH:$PWD/${programs}"\n`;
  return {
    exec: (command, ...more) => sandbox.exec(path + command, ...more),
    start: (command, ...more) => sandbox.start(path + command, ...more),
    read: (...args) => sandbox.read(...args),
    write: (...args) => sandbox.write(...args),
  };
}

/** Runs the role's agent in the sandbox until it has submitted. Whatever else happens is thrown: what a driver does with it is in the error. */
export async function submissionOf<R extends Role>(
  held: Held<SpecOf<R>>,
  sandbox: AgentWorkspace,
  materials: Materials,
  options: { keep: boolean; root: string; news?: () => Promise<string | null> },
): Promise<Submissions[R]> {
  const { runner, spec, claim, stream, signal } = held;
  const effort = effortOf(spec.role, runner.models);
  if (effort.kind === 'bad') throw terminal('effort-unknown', effort.problem);
  const catalog = await runner.catalog();
  if (catalog.kind === 'bad') throw terminal('models-unreadable', catalog.problem);
  let kept = workspaceOf(held);
  const result = await runRole<R>({
    ...{ spec, materials, client: runner.client, breaker: runner.breaker, clock: runner.clock, signal },
    models: modelsOf(spec.role, runner.models),
    effort: effort.effort,
    catalog: catalog.catalog,
    workspace: withPrograms(sandbox, runner.toolchain),
    turns: turnLog({
      ...{
        artifacts: runner.artifacts,
        known: runner.known,
        stream,
        role: spec.role,
        clock: runner.clock,
        past: held.past,
        sandbox,
        keep: options.keep,
        kept: (workspace) => {
          kept = workspace;
        },
        mayAsk: async (model: string) => {
          held.act.model = model;
          const halt = await runner.halts.stopped(held.act);
          if (halt !== null) throw haltedBy(halt);
        },
      },
    }),
    budget: runner.budget,
    ...(options.news === undefined ? {} : { news: options.news }),
    steers: steersOn(stream, held.past),
    scopes: spec.budgets,
    fence: claim.fence,
    settings: {
      root: options.root,
      ...(runner.retry === undefined ? {} : { retry: runner.retry }),
      ...(runner.conversationTurns === undefined ? {} : { conversationTurns: runner.conversationTurns }),
    },
    onActivity: (what) => {
      const text = action(runner.known.mask(maskSecrets(what)));
      runner.note('activity', { attempt: spec.attempt, text });
      runner.doing(spec.attempt, text);
    },
  }).finally(() => runner.doing(spec.attempt, null));
  if (result.kind === 'submitted' || result.kind === 'unavailable') await runner.answered(spec.role, result);
  if (result.kind === 'submitted' && (result.noticed?.length ?? 0) > 0)
    held.beside.noticed = await putJson(runner.artifacts, Noticed, { faults: [...(result.noticed ?? [])] });
  if (result.kind === 'stopped' && result.handedOver !== undefined)
    held.beside.handedOver = await putJson(runner.artifacts, HandedOver, {
      note: result.handedOver,
      ...(kept === null ? {} : { workspace: { kept, on: treeOf(spec) } }),
    });
  return submitted(result);
}

/** What a workspace that is kept lies on. */
const treeOf = (spec: AttemptSpec): GitSha => (spec.role === 'implement' ? spec.start : spec.baseTree);

function submitted<R extends Role>(result: RoleResult<R>): Submissions[R] {
  switch (result.kind) {
    case 'submitted':
      return result.submission;
    case 'stopped':
      throw terminal(result.code, result.detail);
    case 'unavailable':
      throw result.retryable
        ? retryable(result.code, result.detail, result.retryAfterMs)
        : terminal(result.code, result.detail);
    case 'paused':
      throw new BudgetReached(result);
    case 'cancelled':
      throw cancelled('cancelled', result.detail);
  }
}
