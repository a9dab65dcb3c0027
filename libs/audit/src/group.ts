import type { Append, AppendResult, Clock } from '@millwright/domain';
import { bytesArray, numberArray, textArray } from './arrays.ts';
import { driveError, type Pool } from './connect.ts';
import { type Encoded, encode } from './rows.ts';

// Group commit. While one call is under way, callers wait; when it returns, all that wait share the next. So the cost of a commit
// (lock, flush to disk) is paid once a group, and a caller alone waits for nobody.
//
// Invariants:
//   1. One call at a time a process: the order of appends within a process is the order in which they were asked for.
//   2. A group's fault fails no innocent: what a definite error rolled back is tried again one by one.

type Waiting = {
  append: Append;
  at: number;
  encoded: Encoded;
  bytes: number;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
};

/**
 * The answer (45 bytes an append) must fit the send buffers of the server and its kernel (8 and at least 16 KiB), or a client that stops
 * reading could hold the lock.
 */
const MAX_APPENDS = 256;
/** Payload bytes a call, but for a single append that is larger by itself. */
const MAX_BYTES = 4_194_304;

type Row = { kind: 'appended' | 'conflict'; at_version: number; at_position: number | null };

function resultOf(row: Row | undefined): AppendResult {
  if (row === undefined) return { kind: 'refused', reason: 'the database answered with too few rows' };
  return row.kind === 'conflict'
    ? { kind: 'conflict', actualVersion: row.at_version }
    : { kind: 'appended', version: row.at_version, position: row.at_position ?? 0 };
}

const send = (pool: Pool, group: readonly Waiting[]): Promise<readonly Row[]> =>
  pool.use(
    (sql) => sql<Row[]>`
    select kind, at_version, at_position from millwright.trail_append(
      ${textArray(group.map((w) => w.append.stream))}::text[],
      ${numberArray(group.map((w) => w.append.expectedVersion))}::integer[],
      ${textArray(group.map((w) => w.append.actor))}::text[],
      ${numberArray(group.map((w) => w.at))}::bigint[],
      ${numberArray(group.map((w) => w.encoded.types.length))}::integer[],
      ${textArray(group.flatMap((w) => w.encoded.types))}::text[],
      ${bytesArray(group.flatMap((w) => w.encoded.salts))}::bytea[],
      ${bytesArray(group.flatMap((w) => w.encoded.payloads))}::bytea[],
      ${bytesArray(group.flatMap((w) => w.encoded.wordsSalts))}::bytea[],
      ${bytesArray(group.flatMap((w) => w.encoded.words))}::bytea[])`,
  );

/** The appender of one process. Every promise it made settles, whatever happens to the connection. */
export function groupCommit(pool: Pool, clock: Clock): (append: Append) => Promise<AppendResult> {
  const queue: Waiting[] = [];
  let running = false;

  const next = (): Waiting[] => {
    let bytes = 0;
    let n = 0;
    for (const waiting of queue) {
      bytes += waiting.bytes;
      if (n > 0 && (n >= MAX_APPENDS || bytes > MAX_BYTES)) break;
      n += 1;
    }
    return queue.splice(0, n);
  };

  const settle = async (group: readonly Waiting[]): Promise<void> => {
    try {
      const rows = await send(pool, group);
      for (const [i, waiting] of group.entries()) waiting.resolve(resultOf(rows[i]));
    } catch (error) {
      const drive = driveError(error);
      // A lost connection may have committed: only a definite error was certainly rolled back.
      if (group.length > 1 && drive.disposition === 'terminal')
        for (const waiting of group) await settle([waiting]);
      else for (const waiting of group) waiting.reject(drive);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) await settle(next());
    running = false;
  };

  return async (append) => {
    const encoded = encode(append.stream, append.actor, append.entries);
    const bytes = [...encoded.payloads, ...encoded.words].reduce((sum, one) => sum + (one?.length ?? 0), 0);
    return new Promise<AppendResult>((resolve, reject) => {
      queue.push({ append, at: clock.now(), encoded, bytes, resolve, reject });
      if (!running) void run();
    });
  };
}
