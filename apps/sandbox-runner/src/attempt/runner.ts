import type { Breaker, catalogWith, ModelClient, RetryPolicy } from '@millwright/agents';
import type { AttemptStream, HeldClaim, RunnerTrail } from '@millwright/audit';
import type {
  Actor,
  Artifacts,
  AttemptId,
  AttemptSpec,
  Budget,
  Clock,
  Digest,
  ForwardAct,
  KnownSecrets,
  Queue,
  RecordedEntry,
  Role,
} from '@millwright/domain';
import type { Sandboxes } from '@millwright/sandbox';
import type { Toolchain } from '@millwright/toolchains';
import type { Prepare } from '../prepare/index.ts';
import type { BaseMemory } from '../verify/base-memory.ts';
import type { Where } from '../verify/run-suite.ts';
import type { HaltWatch } from './halts.ts';

/** What a person reading the log should know of; nothing here is needed for correctness. */
type Note = (event: string, fields: Record<string, unknown>) => void;

/** What every attempt of this process shares. Made once, by the composition root. */
export type Runner = {
  trail: Pick<RunnerTrail, 'incarnation' | 'claim' | 'stream'>;
  /** *May this go forward?* */
  halts: HaltWatch;
  /** Attempts that were handed back for a halt, and what they would do: they are not claimed while that is halted. */
  halted: Map<AttemptId, ForwardAct>;
  /** What this runner has: it does no stage that needs more. */
  labels: ReadonlySet<string>;
  artifacts: Artifacts;
  /** The secrets that were set, found without their values. */
  known: KnownSecrets;
  budget: Budget;
  queue: Pick<Queue, 'wake'>;
  sandboxes: Sandboxes;
  prepare: Prepare;
  client: ModelClient;
  breaker: Breaker;
  /** How calls of the model are tried again; the loop's own way where it is not given. */
  retry?: RetryPolicy;
  /** How long a run of tests may take. */
  suiteMs: number;
  /** How long a planner has been at work when its base's tests are begun beside it, ms. */
  learnAfterMs?: number;
  /** Turns of one conversation before it hands over; the loop's own number where it is not given. */
  conversationTurns?: number;
  clock: Clock;
  /** What knows the languages of the repositories. */
  toolchain: Toolchain;
  /** What bases' test runs taught, kept across attempts. */
  memory: BaseMemory;
  /** What is known of models now: what is built in, and the data folder's `models.json` over it. */
  catalog: () => Promise<ReturnType<typeof catalogWith>>;
  /** Names of models: `MILLWRIGHT_MODEL_<ROLE>`, `MILLWRIGHT_EFFORT_<ROLE>`. */
  models: Readonly<Record<string, string | undefined>>;
  note: Note;
  /** What the agent of an attempt does at this moment, for whoever watches; null once it is over. Never fails. */
  doing: (attempt: AttemptId, text: string | null) => void;
  /** Told how an agent's attempt ended, so that whoever begins runs knows whether its models answer. */
  answered: (
    role: Role,
    end: { kind: 'unavailable'; code: string; detail: string } | { kind: 'submitted' },
  ) => Promise<void>;
};

/** One claimed attempt, while this runner holds it. */
export type Held<S extends AttemptSpec = AttemptSpec> = {
  runner: Runner;
  claim: HeldClaim;
  stream: AttemptStream;
  spec: S;
  /** What it does, as a halt sees it; its model is known once it was asked. */
  act: ForwardAct;
  /** What its agent leaves beside its artifact, once it is over: what it noticed outside its task, what it knew when its stage was over. */
  beside: { noticed?: Digest; handedOver?: Digest };
  /** The stream as it was when claimed: former claimants' turns are in it. */
  past: readonly RecordedEntry[];
  /** Aborted when the attempt is no longer ours, is halted, when this process stops, or at the deadline. */
  signal: AbortSignal;
};

/** Where verification runs its commands; the log says what each took, so that the factory's own time can be told from theirs. */
export const whereOf = ({ runner, spec }: Held): Where => ({
  ...{ sandboxes: runner.sandboxes, run: spec.run, attempt: spec.attempt },
  ran: (purpose, ms) => runner.note('suite.ran', { run: spec.run, attempt: spec.attempt, purpose, ms }),
});

/** How long a run of tests of this attempt may take, ms: no longer than the attempt itself. */
export const suiteMsOf = ({ runner, spec }: Held): number =>
  Math.max(1_000, Math.min(runner.suiteMs, spec.deadline - runner.clock.now()));

export const actorOf = (runner: Pick<Runner, 'trail'>) => `runner/${runner.trail.incarnation}` as Actor;
