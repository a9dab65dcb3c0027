import { createHash } from 'node:crypto';
import {
  type Actor,
  type AppendResult,
  AttemptId,
  type Claim,
  type Digest,
  Entry,
  type EntryType,
  maskFreeText,
  type RecordedEntry,
  type StreamId,
  terminal,
} from '@millwright/domain';
import type { Time } from './time.ts';

// What Postgres does for the factory, in memory: the statements of libs/store/src/migrations, each at once and whole. Who calls, over which network,
// is none of its business.

/** What only a runner that holds a claim says, and what a runner may say (0001-trail.sql). */
const RUNNERS_ALONE = new Set<EntryType>([
  'attempt.claimed',
  'attempt.sandboxed',
  'attempt.paused',
  'turn.asked',
  'turn.recorded',
  'conversation.changed',
  'attempt.refused',
]);
const RUNNERS_SAY = new Set<EntryType>([
  'database.refused',
  'attempt.sandboxed',
  'attempt.paused',
  'turn.asked',
  'turn.recorded',
  'turn.lost',
  'conversation.changed',
  'attempt.closed',
]);
/** A runner that has missed its beats for so long is dead. Milliseconds. */
const SILENT_MS = 10_000;

type ClaimRow = {
  fence: number;
  incarnation: string;
  secret: string;
  released: boolean;
  refused: boolean;
  closed: boolean;
};
type BudgetRow = { cap: number | null; spent: number; overrun: number; reserved: number };
type Reservation = {
  attempt: string;
  fence: number;
  scopes: string[];
  amount: number;
  billed: number | null;
};

/** Faults of the database itself, which no such database has: each is to be found by what is checked. */
export type DatabaseFaults = {
  /** It appends whatever version was expected. */
  forgetsVersions?: boolean;
  /** It lets whoever asks claim what another has. */
  dropsClaimCheck?: boolean;
  /** It takes what a former claimant says. */
  takesLateAppends?: boolean;
  /** A runner that died is alive for ever. */
  neverExpires?: boolean;
};

export class Database {
  readonly entries: RecordedEntry[] = [];
  readonly #streams = new Map<StreamId, RecordedEntry[]>();
  readonly claims = new Map<AttemptId, ClaimRow[]>();
  /** Incarnations whose session is there, and when each beat last. */
  readonly sessions = new Map<string, number>();
  readonly artifacts = new Map<Digest, Uint8Array>();
  readonly budgets = new Map<string, BudgetRow>();
  readonly reservations = new Map<string, Reservation>();
  readonly idempotency = new Map<string, string>();
  readonly notes = new Map<string, string>();
  /** Who has the factory. */
  holder: string | null = null;
  /** Told of each entry. */
  readonly listeners = new Set<(recorded: RecordedEntry) => void>();
  readonly faults: DatabaseFaults = {};
  readonly #time: Time;

  constructor(time: Time) {
    this.#time = time;
  }

  get head(): number {
    return this.entries.length;
  }

  read(stream: StreamId, afterVersion = 0): RecordedEntry[] {
    return (this.#streams.get(stream) ?? []).slice(afterVersion);
  }

  streamNames(): StreamId[] {
    return [...this.#streams.keys()].sort();
  }

  /** As the orchestrator's role. */
  append(
    stream: StreamId,
    expected: number,
    actor: Actor,
    entries: readonly Entry[],
    at: number,
  ): AppendResult {
    if (entries.some(({ type }) => RUNNERS_ALONE.has(type)))
      throw terminal('trail-forbidden', 'only a runner that holds the claim appends these');
    return this.#append(stream, expected, actor, entries, at);
  }

  #append(
    stream: StreamId,
    expected: number,
    actor: Actor,
    entries: readonly Entry[],
    at: number,
  ): AppendResult {
    const there = this.#streams.get(stream) ?? [];
    if (there.length !== expected && this.faults.forgetsVersions !== true)
      return { kind: 'conflict', actualVersion: there.length };
    if (entries.length < 1 || entries.length > 200)
      throw terminal('trail-malformed', `an append has 1 to 200 entries, not ${entries.length}`);
    const parsed = entries.map((entry) => stored(entry, stream));
    this.#streams.set(stream, there);
    for (const entry of parsed) {
      const payloadDigest = digestOf(JSON.stringify(entry));
      const [position, version] = [this.entries.length + 1, there.length + 1];
      const envelope = {
        v: 1 as const,
        position,
        stream,
        version,
        type: entry.type,
        actor,
        at,
        payloadDigest,
      };
      const recorded = frozen({ envelope, entry });
      this.entries.push(recorded);
      there.push(recorded);
      if (entry.type === 'attempt.closed')
        for (const claim of this.claims.get(attemptOf(stream)) ?? []) claim.closed = true;
      for (const listener of this.listeners) listener(recorded);
    }
    return { kind: 'appended', version: there.length, position: this.entries.length };
  }

  isAlive(incarnation: string): boolean {
    const beat = this.sessions.get(incarnation);
    if (this.faults.neverExpires === true) return true;
    return beat !== undefined && this.#time.now - beat <= SILENT_MS;
  }

  #current(attempt: AttemptId): ClaimRow | undefined {
    return this.claims.get(attempt)?.at(-1);
  }

  claim(attempt: AttemptId, incarnation: string, secret: string, at: number): Claim | 'not_alive' {
    const stream = `attempt/${attempt}` as StreamId;
    const there = this.read(stream);
    if (there.length === 0) return { kind: 'unknown' };
    if (there.some(({ entry }) => entry.type === 'attempt.closed')) return { kind: 'closed' };
    if (!this.isAlive(incarnation)) return 'not_alive';
    const former = this.#current(attempt);
    const held = former !== undefined && !former.released;
    if (
      held &&
      (former.incarnation === incarnation || this.isAlive(former.incarnation)) &&
      this.faults.dropsClaimCheck !== true
    )
      return { kind: 'taken' };
    const fence = (former?.fence ?? 0) + 1;
    const row = { fence, incarnation, secret, released: false, refused: false, closed: false };
    this.claims.set(attempt, [...(this.claims.get(attempt) ?? []), row]);
    const entry: Entry = { type: 'attempt.claimed', data: { attempt, incarnation, fence } };
    const done = this.#append(stream, there.length, `runner/${incarnation}` as Actor, [entry], at);
    if (done.kind !== 'appended') throw new Error('a claim conflicts with nobody');
    return { kind: 'claimed', attempt, fence, secret, version: done.version };
  }

  /** As whoever has this secret of a claim. */
  appendClaimed(
    attempt: AttemptId,
    secret: string,
    expected: number,
    actor: Actor,
    entries: readonly Entry[],
    at: number,
  ): AppendResult {
    const stream = `attempt/${attempt}` as StreamId;
    if (!entries.every(({ type }) => RUNNERS_SAY.has(type)))
      throw terminal('trail-forbidden', 'a runner does not append these');
    const mine = this.claims.get(attempt)?.find((claim) => claim.secret === secret);
    if (mine === undefined) return { kind: 'refused', reason: 'no claim of this attempt has that secret' };
    const superseded = this.#current(attempt) !== mine && this.faults.takesLateAppends !== true;
    if (mine.released || superseded) {
      if (!mine.refused) {
        const { incarnation, fence } = mine;
        const reason = `append with fence ${fence} after the claim was taken over`;
        const entry: Entry = { type: 'attempt.refused', data: { incarnation, reason } };
        this.#append(stream, this.read(stream).length, `runner/${incarnation}` as Actor, [entry], at);
        mine.refused = true;
      }
      return { kind: 'refused', reason: 'the claim was taken over' };
    }
    if (mine.closed) return { kind: 'refused', reason: 'the attempt is closed' };
    const after = this.faults.takesLateAppends === true ? this.read(stream).length : expected;
    return this.#append(stream, after, actor, entries, at);
  }

  release(attempt: AttemptId, secret: string): boolean {
    const mine = this.#current(attempt);
    if (mine === undefined || mine.secret !== secret || mine.released) return false;
    mine.released = true;
    return true;
  }

  knows(attempt: AttemptId, secret: string): boolean {
    return this.claims.get(attempt)?.some((claim) => claim.secret === secret) === true;
  }

  /** Open attempts whose claimant holds them, or is dead or has let go. */
  claimsOf(kind: 'held' | 'dead'): { attempt: AttemptId; fence: number; incarnation: string }[] {
    return [...this.claims].flatMap(([attempt, rows]) => {
      const row = rows.at(-1);
      if (row === undefined || row.closed) return [];
      const dead = row.released || !this.isAlive(row.incarnation);
      return dead === (kind === 'dead') ? [{ attempt, fence: row.fence, incarnation: row.incarnation }] : [];
    });
  }

  put(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    if (!this.artifacts.has(digest)) this.artifacts.set(digest, bytes);
    return digest;
  }

  budget(scope: string): BudgetRow {
    const row = this.budgets.get(scope) ?? { cap: null, spent: 0, overrun: 0, reserved: 0 };
    this.budgets.set(scope, row);
    return row;
  }

  #holds(attempt: string, fence: number): ClaimRow | undefined {
    const row = this.#current(attempt as AttemptId);
    return row !== undefined && row.fence === fence && !row.closed && !row.released ? row : undefined;
  }

  reserve(key: string, scopes: readonly string[], amount: number) {
    const [attempt = '', fence] = key.split('/');
    if (this.#holds(attempt, Number(fence)) === undefined) return { kind: 'not_held' as const };
    const known = this.reservations.get(key);
    if (known?.billed != null) throw terminal('store-failed', `the call ${key} was settled`);
    if (known !== undefined) return { kind: 'reserved' as const };
    for (const scope of scopes) {
      const { cap, spent, overrun, reserved } = this.budget(scope);
      if (cap !== null && spent + overrun + reserved + amount > cap)
        return { kind: 'refused' as const, scope, left: Math.max(cap - spent - overrun - reserved, 0) };
    }
    const distinct = [...new Set(scopes)];
    for (const scope of distinct) this.budget(scope).reserved += amount;
    const reservation = { attempt, fence: Number(fence), scopes: distinct, amount, billed: null };
    this.reservations.set(key, reservation);
    return { kind: 'reserved' as const };
  }

  settle(key: string, amount: number | null): void {
    const row = this.reservations.get(key);
    if (row === undefined || row.billed !== null) return;
    row.billed = amount ?? row.amount;
    for (const scope of row.scopes) {
      const budget = this.budget(scope);
      budget.reserved -= row.amount;
      budget.spent += Math.min(row.billed, row.amount);
      budget.overrun += Math.max(row.billed - row.amount, 0);
    }
  }

  settleDead(): number {
    const dead = [...this.reservations].filter(([, { attempt, fence, billed }]) => {
      const holds = this.#holds(attempt, fence);
      return billed === null && (holds === undefined || !this.isAlive(holds.incarnation));
    });
    for (const [key] of dead) this.settle(key, null);
    return dead.length;
  }

  billedTo(attempt: AttemptId): number {
    const own = [...this.reservations].filter(([, row]) => row.attempt === attempt);
    for (const [key] of own) this.settle(key, null);
    return own.reduce((sum, [, { billed }]) => sum + (billed ?? 0), 0);
  }
}

const attemptOf = (stream: StreamId): AttemptId => AttemptId.parse(stream.slice('attempt/'.length));

export const digestOf = (bytes: string | Uint8Array): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;

/** As it is read back: of its schema, its secrets masked. */
function stored(entry: Entry, stream: StreamId): Entry {
  try {
    return maskFreeText(Entry, Entry.parse(entry));
  } catch (error) {
    throw terminal('trail-malformed', `an entry of ${stream} does not fit its schema`, error);
  }
}

/** Nobody changes what was recorded. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}
