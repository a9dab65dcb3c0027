import type { Budget, BudgetScope, Clock, Role, SpecOf, TurnLog, Usage, Workspace } from '@millwright/domain';
import type { Breaker } from './model/breaker.ts';
import type { Catalog, Effort } from './model/catalog.ts';
import type { ModelClient } from './model/client.ts';
import type { RetryPolicy } from './model/retry.ts';
import type { Materials, Submissions } from './roles/role.ts';
import { DEFAULT_STUCK, type StuckLimits } from './stuck.ts';

export type RunRoleOptions<R extends Role> = {
  spec: SpecOf<R>;
  /** What the spec names by digest, read by the caller. `diff` is for review and deploy. */
  materials: Materials;
  /** See `modelsOf`; at least one. The next is asked where one is gone or refuses. One without a price is refused. */
  models: readonly string[];
  /** See `effortOf`; the nearest below that the model takes. */
  effort: Effort;
  /** What is known of models; the built-in catalog by default. */
  catalog?: Catalog;
  client: ModelClient;
  workspace: Workspace;
  turns: TurnLog;
  budget: Budget;
  /** Outermost first; every call is reserved in all of them. */
  scopes: readonly BudgetScope[];
  /** The claim's fence: reservations of an earlier claim are never taken over. */
  fence: number;
  clock: Clock;
  /** One for all roles of a process. */
  breaker: Breaker;
  /** Ends as `cancelled`; nothing half-done is recorded. */
  signal: AbortSignal;
  /** What the agent does now, in full: see `action`. */
  onActivity?: (text: string) => void;
  /** A fingerprint of the workspace's content, where that is cheap: tells the stuck detector whether commands change anything. */
  fingerprint?: () => Promise<string>;
  /** In [0, 1), for jitter; Math.random by default. */
  chance?: () => number;
  /** A fact that was not known when the first message was made, once it is: said beside the next results, once a conversation. */
  news?: () => Promise<string | null>;
  /** What people have added to its goal so far, oldest first: each is said beside the next results, and again to a conversation that has it not. */
  steers?: () => Promise<readonly string[]>;
  settings?: Partial<Settings>;
};

export type Settings = {
  /** Where the workspace lies inside the sandbox, as the model is told. */
  root: string;
  /** What a command may take, and the most that it may ask for. */
  bashTimeoutMs: number;
  maxBashTimeoutMs: number;
  /** Output bound of one call, thinking included; by role where it is not given (`answerTokensOf`). */
  maxTokens?: number;
  /** What a conversation may grow to before old outputs are put aside, in tokens; less where the model takes less. */
  contextTokens: number;
  /** Turns of one conversation, after which it hands over to a new one. The stage's own limit is in the spec. */
  conversationTurns: number;
  /** Refused submits, and turns on end without a call, that go back to the model before the attempt stops. */
  maxStrikes: number;
  maxNudges: number;
  stuck: StuckLimits;
  retry?: RetryPolicy;
};

export const DEFAULT_SETTINGS: Settings = {
  root: '/workspace',
  bashTimeoutMs: 120_000,
  maxBashTimeoutMs: 900_000,
  contextTokens: 250_000,
  conversationTurns: 120,
  maxStrikes: 3,
  maxNudges: 2,
  stuck: DEFAULT_STUCK,
};

export type Outcome<R extends Role> =
  /** `noticed`: faults outside of its task. */
  | { kind: 'submitted'; submission: Submissions[R]; noticed?: readonly string[] }
  | {
      kind: 'stopped';
      code: 'turns' | 'money' | 'time' | 'conversations' | 'stuck' | 'schema' | 'refused' | 'context';
      detail: string;
      /** What is known by then, for the next attempt: where the work was over before it was done. */
      handedOver?: string;
    }
  /** A cap of `scope` is reached: with `needUsd` left in it, the attempt can be resumed. */
  | { kind: 'paused'; scope: BudgetScope; needUsd: number; leftUsd: number; detail: string }
  /** The model or the sandbox could not be had. `retryable`: another attempt may succeed, after `retryAfterMs` where it is given. */
  | { kind: 'unavailable'; code: string; detail: string; retryable: boolean; retryAfterMs?: number }
  | { kind: 'cancelled'; detail: string };

/** `turns` and `usage` count the recorded ones too; `usage.usd` includes calls that gave no answer. `model`: the one asked last. */
export type RoleResult<R extends Role> = Outcome<R> & { turns: number; usage: Usage; model: string };
