import { numberArray, numbersOf, textArray } from '@millwright/database';
import type { Append, AppendResult, Clock } from '@millwright/domain';
import { driveError, type Pool } from './connect.ts';
import { type Encoded, encode, packed } from './rows.ts';

// Group commit. While one call is under way, callers wait; when it returns, all that wait share the next. So the cost of a commit
// (lock, flush to disk) is paid once a group, and a caller alone waits for nobody. Where many wait, their group is sent behind the one under way, on
// the same connection: the database then never waits for this process.
//
// Invariants:
//   1. One connection, and so one call after the other: the order of appends within a process is the order in which they were asked for, but for
//      what is tried again.
//   2. A group's fault fails no innocent: what a definite error rolled back is tried again one by one.
//   3. A group has a stream once, as the database asks, and a stream is in one group under way only: what is tried again finds it as it was.

type Waiting = {
  append: Append;
  at: number;
  entries: readonly Encoded[];
  bytes: number;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
};

/**
 * The answers (two, of 11 bytes an entry, if all are conflicts) must fit the send buffers of the server and its kernel (8 and at least 16 KiB), or
 * a client that stops reading could hold the lock.
 */
const MAX_ENTRIES = 256;
/** Payload bytes a call, but for a single append that is larger by itself. */
const MAX_BYTES = 4_194_304;
/** So many appends are worth a flush of their own: they do not wait for the group under way to return. */
const MANY = 64;

async function send(pool: Pool, group: readonly Waiting[]): Promise<AppendResult[]> {
  const p = packed(group.flatMap((w) => w.entries));
  /** Of each entry, the k-th (from 1) of its append. */
  const each = <T>(of: (waiting: Waiting, k: number) => T): T[] =>
    group.flatMap((waiting) => waiting.entries.map((_, i) => of(waiting, i + 1)));
  const [row] = await pool.use(
    (sql) => sql<[{ base: number; conflicts: string | null }]>`
    select base, conflicts from millwright.trail_append(
      ${textArray(each((w) => w.append.stream))}::text[],
      ${numberArray(each((w, k) => w.append.expectedVersion + k))}::integer[],
      ${textArray(each((w) => w.append.actor))}::text[],
      ${numberArray(each((w) => w.at))}::bigint[],
      ${p.types}::text[], ${p.salts}, ${p.ends}::integer[], ${p.payloads}, ${p.wordsEnds}::integer[], ${p.words})`,
  );
  const conflicts = row.conflicts === null ? [] : numbersOf(row.conflicts);
  let position = row.base;
  let first = 0;
  return group.map(({ append, entries }) => {
    const actualVersion = conflicts[first] ?? null;
    first += entries.length;
    if (actualVersion !== null) return { kind: 'conflict', actualVersion };
    position += entries.length;
    return { kind: 'appended', version: append.expectedVersion + entries.length, position };
  });
}

/** The appender of one process. Every promise it made settles, whatever happens to the connection. */
export function groupCommit(pool: Pool, clock: Clock): (append: Append) => Promise<AppendResult> {
  const queue: Waiting[] = [];
  /** At most two, in the order in which they were sent. */
  const underWay: (readonly Waiting[])[] = [];

  const next = (): Waiting[] => {
    const busy = new Set(underWay.flatMap((group) => group.map(({ append }) => append.stream)));
    const streams = new Set<string>();
    let entries = 0;
    let bytes = 0;
    for (const waiting of queue) {
      entries += waiting.entries.length;
      bytes += waiting.bytes;
      const { stream } = waiting.append;
      if (busy.has(stream) || streams.has(stream)) break;
      if (streams.size > 0 && (entries > MAX_ENTRIES || bytes > MAX_BYTES)) break;
      streams.add(stream);
    }
    return queue.splice(0, streams.size);
  };

  /** Resolves with what tells the group's callers. */
  const outcome = async (group: readonly Waiting[], sent: Promise<AppendResult[]>): Promise<() => void> => {
    try {
      const results = await sent;
      return () => {
        for (const [i, result] of results.entries()) group[i]?.resolve(result);
      };
    } catch (error) {
      const drive = driveError(error);
      // A lost connection may have committed: only a definite error was certainly rolled back.
      if (group.length === 1 || drive.disposition !== 'terminal')
        return () => {
          for (const waiting of group) waiting.reject(drive);
        };
      for (const waiting of group) (await outcome([waiting], send(pool, [waiting])))();
      return () => undefined;
    }
  };

  const sendMore = (): void => {
    while (underWay.length === 0 ? queue.length > 0 : underWay.length === 1 && queue.length >= MANY) {
      const group = next();
      if (group.length === 0) return;
      underWay.push(group);
      void finish(group);
    }
  };

  const finish = async (group: readonly Waiting[]): Promise<void> => {
    const tell = await outcome(group, send(pool, group));
    underWay.splice(underWay.indexOf(group), 1);
    sendMore();
    // Who is told makes its next append at once: the database has its next group by then, so that both work.
    if (underWay.length > 0) setImmediate(tell);
    else tell();
  };

  return async (append) => {
    const entries = encode(append.stream, append.actor, append.entries);
    const bytes = entries.reduce((sum, one) => sum + one.payload.length + (one.words?.length ?? 0), 0);
    return new Promise<AppendResult>((resolve, reject) => {
      queue.push({ append, at: append.at ?? clock.now(), entries, bytes, resolve, reject });
      sendMore();
    });
  };
}
