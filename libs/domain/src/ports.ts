import type { Entry, Usage } from './entries/index.ts';
import type { RecordedEntry } from './envelope.ts';
import type { Actor, AttemptId, Digest, Instant, RunnerName, StreamId } from './ids.ts';

// Ports are small and belong here; adapters point inward; only a composition root (`main.ts`) says `new` to one.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): Instant;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Ids {
  /** A fresh id, `<prefix>_` and at least 16 of 0-9a-z. Sortable by time. */
  next(prefix: 'run' | 'tkt' | 'att' | 'gate' | 'rel' | 'per'): string;
}

export type Append = {
  stream: StreamId;
  expectedVersion: number;
  actor: Actor;
  entries: readonly Entry[];
  /** When it happened; now, where it is not given. */
  at?: Instant;
};

export type AppendResult =
  | { kind: 'appended'; version: number; position: number }
  | { kind: 'conflict'; actualVersion: number }
  | { kind: 'refused'; reason: string };

/** The trail. Losing the connection throws a retryable error: whether the append happened is then unknown, and reading the stream tells. */
export interface Trail {
  /** Appends all of `entries` or none. `expectedVersion` 0 means: the stream does not exist yet. */
  append(append: Append): Promise<AppendResult>;
  /** All entries of a stream after `afterVersion` (default 0), in order. */
  read(stream: StreamId, afterVersion?: number): Promise<RecordedEntry[]>;
  /** Up to `limit` entries after `afterPosition` over all streams, in order. Positions are dense: a gap is a fault. */
  readAll(afterPosition: number, limit: number): Promise<RecordedEntry[]>;
  /** The last position, 0 when empty. */
  head(): Promise<number>;
}

/** Bytes stored once under their SHA-256. */
export interface Artifacts {
  put(bytes: Uint8Array): Promise<Digest>;
  /** Throws when it is not there or when what is there has another digest. */
  get(digest: Digest): Promise<Uint8Array>;
  has(digest: Digest): Promise<boolean>;
  /** As `get`, part by part, for what is large; it fails at its end where it has another digest. Not everywhere. */
  stream?(digest: Digest): Promise<AsyncIterable<Uint8Array>>;
  /** What this place masks besides in the free text of JSON artifacts (`putJson`): secrets that it knows. */
  mask?(): Promise<(text: string) => string>;
}

/** `attempts`: ids of attempts, for whichever runner; `attempts-NAME`: for that runner; `runs`: ids of runs, for the orchestrator. */
export type Topic = 'attempts' | `attempts-${RunnerName}` | 'runs';

/** Wakes, never decides: a lost or doubled wake-up changes nothing. */
export interface Queue {
  wake(topic: Topic, id: string): Promise<void>;
  /** Calls `handler` for each wake-up, `concurrency` at once at most. The handler's errors are reported to `onError`; the job is gone either way. */
  work(
    topic: Topic,
    concurrency: number,
    handler: (id: string) => Promise<void>,
    onError: (error: unknown) => void,
  ): Promise<{
    stop(): Promise<void>;
    /** Takes none any more until `resume`; what is being handled goes on. */
    pause(): Promise<void>;
    resume(): void;
  }>;
  close(): Promise<void>;
}

/** A budget scope, outermost first: `factory`, `unit/payments`, `repo/shop`, `ticket/tkt_…`, `run/run_…`. */
export type BudgetScope = string;

/** Reserve before spend: the one counter beside the trail. A key is `<attempt>/<fence>/…`: who reserved, and under which claim. */
export interface Budget {
  /**
   * Reserves `usd`, the most that a call can cost, in every scope or in none. `key` makes it idempotent. `not_held`: the attempt is closed, or
   * another runner has it, so nothing is to be paid for it.
   */
  reserve(
    key: string,
    scopes: readonly BudgetScope[],
    usd: number,
  ): Promise<
    { kind: 'reserved' } | { kind: 'refused'; scope: BudgetScope; left: number } | { kind: 'not_held' }
  >;
  /**
   * Replaces the reservation by what was billed. What is over the reservation is an overrun: counted apart, so that spending never passes a cap,
   * and against the cap of every later call. Idempotent.
   */
  settle(key: string, usd: number): Promise<void>;
}

export type ExecResult =
  | { kind: 'exited'; exitCode: number; output: string; droppedBytes: number; ms: number }
  /** `running`: the programs that ran when the time was up, outermost first, without the shell; absent where nobody could look. */
  | { kind: 'timed_out'; output: string; droppedBytes: number; ms: number; running?: readonly string[] }
  /** The container or its tool process is no more (out of memory, killed, limit): terminal for the attempt. */
  | { kind: 'gone'; reason: string };

/**
 * The narrow handle that tools get on a sandbox: commands and files inside it, nothing else. Only its owner can destroy the sandbox.
 * Everything that comes out is data: parsed, bounded, UTF-8 with replacement characters.
 */
export interface Workspace {
  /** Runs a shell command in the workspace's root; stdout and stderr interleaved; at most `maxBytes` kept (half head, half tail). State (cwd, variables) does not carry over. */
  exec(
    command: string,
    options: { timeoutMs: number; maxBytes: number; signal?: AbortSignal },
  ): Promise<ExecResult>;
  /** Reads a file inside the workspace, `maxBytes` at most. */
  read(
    path: string,
    maxBytes: number,
  ): Promise<
    | { kind: 'file'; content: string; truncated: boolean }
    | { kind: 'directory'; entries: string[] }
    | { kind: 'absent' }
    | { kind: 'refused'; reason: string }
  >;
  /** Writes a file inside the workspace, creating folders. */
  write(path: string, content: string): Promise<{ kind: 'written' } | { kind: 'refused'; reason: string }>;
  /** Starts a command that runs beside the others until it ends by itself, is stopped, or its sandbox is gone. It shares their files and their loopback, not their processes. */
  start(
    command: string,
  ): Promise<{ kind: 'started'; command: BackgroundCommand } | { kind: 'refused'; reason: string }>;
}

/** `ended`: how it ended, for people; null while it runs. */
export interface BackgroundCommand {
  /** What it has printed since the last look: a MiB of it at most (half head, half tail). */
  read(): { output: string; droppedBytes: number; ended: string | null };
  /** Resolves once nothing of it runs any more. */
  stop(): Promise<void>;
}

/** One completed turn of a model: what was asked for, what it answered, what the tools returned. Recorded before the next is asked for. */
export type TurnRecord = {
  turn: number;
  model: string;
  /** The assistant's content blocks and, where it called tools, the tool results, both as the Messages API has them. */
  assistant: unknown[];
  results: unknown[];
  stopReason: string | null;
  usage: Usage;
  /** US dollars of `usage` beyond the most that its call may cost: the endpoint broke its own limits. */
  overUsd?: number;
  /** What the agent is doing, for people: `bash npm test`, `edit src/a.js`. In full: masked first, then cut to be kept. */
  action: string;
  /** The turn that handed over to a new conversation: no call of it was run. */
  handover?: boolean;
  /** The first message, in the first turn of a conversation: read back, it begins as it did, whatever is computed by then. */
  opening?: string;
};

/** What became of an attempt's conversation between two turns, on the trail. `after` is the last recorded turn before it, 0 before the first. */
export type ConversationChange = {
  kind: 'thinking_dropped' | 'put_aside' | 'handed_over' | 'model_changed';
  after: number;
  /** The model that is asked from now on. */
  model: string;
  reason: string;
  /** `put_aside`: the long outputs of the turns up to this one lie in files from now on. */
  upTo: number | null;
  /** `handed_over`: what the new conversation is told. */
  note: string | null;
};

/** The attempt's own log of turns. `record` fails with a cancelled error when the attempt was taken over: stop at once. */
export interface TurnLog {
  load(): Promise<{ turns: TurnRecord[]; changes: ConversationChange[] }>;
  /** Before anything is asked of the changed conversation. Fails like `record`. */
  changed(change: ConversationChange): Promise<void>;
  /** Says that a model is about to be asked: nothing is asked in silence. Fails like `record`. */
  asked(turn: number, model: string): Promise<void>;
  /** What was asked for comes to nothing, and why; asked for again, it is asked anew. Fails like `record`. */
  lost(turn: number, reason: string): Promise<void>;
  record(turn: TurnRecord): Promise<void>;
}

export type Claim =
  | { kind: 'claimed'; attempt: AttemptId; fence: number; secret: string; version: number }
  | { kind: 'taken' }
  | { kind: 'closed' }
  | { kind: 'unknown' };
