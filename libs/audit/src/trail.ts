import { numberArray, textArray } from '@millwright/database';
import {
  AttemptId,
  type Clock,
  type EntryType,
  type RecordedEntry,
  type StreamId,
  type Trail,
  terminal,
} from '@millwright/domain';
import { type OnForbidden, openPool, reading } from './connect.ts';
import { openFollow } from './follow.ts';
import { groupCommit } from './group.ts';
import { type Row, recorded } from './rows.ts';

/** A claim of an attempt. */
export type DeadClaim = { attempt: AttemptId; fence: number; incarnation: string };

/** The trail to read: all of it. */
export type OpenTrail = Omit<Trail, 'append'> & {
  /** Batches of entries after a position, in order: what is there, then what comes. Ends when aborted. */
  follow(options: { after: number; signal: AbortSignal }): AsyncGenerator<RecordedEntry[]>;
  /** Open attempts whose claimant is dead (its session is gone, or it missed its beats for 10 s) or has let go. Cheap: poll it. */
  deadClaims(): Promise<DeadClaim[]>;
  /** Open attempts that a living runner holds now. */
  heldClaims(): Promise<DeadClaim[]>;
  /**
   * What is on the trail up to a position of some types, or of some streams: all of it, in order, a batch for each stretch of the trail that has
   * any. Reads what is asked for alone.
   */
  select(wanted: {
    types: readonly EntryType[];
    streams?: readonly StreamId[];
    upTo: number;
  }): AsyncGenerator<RecordedEntry[]>;
  /** The entries at these positions (2,000 at most), in this order: as many as have 8 MiB of payloads together, and one at least. */
  readAt(positions: readonly number[]): Promise<RecordedEntry[]>;
  /** Of these, the incarnations that live. */
  alive(incarnations: readonly string[]): Promise<ReadonlySet<string>>;
  /** The names of all streams of a kind, in order: `shop` where there is `repo/shop`. */
  named(kind: 'repo' | 'run' | 'unit'): Promise<string[]>;
  close(): Promise<void>;
};

/** And to append to, every stream but for what only runners may say. Whoever has a stream's decider to ask goes by `appendWith`. */
export type WritableTrail = OpenTrail & Pick<Trail, 'append'>;

const MAX_READ = 10_000;
/** Of a page of single entries. */
const MAX_AT = 2_000;
const MAX_AT_BYTES = 8_388_608;
/** Positions looked through by one statement. With no bound the planner may sort what it finds on the whole trail, for each page anew. */
const STRETCH = 50_000;

/**
 * Connects when first used. `maxConnections` (default 4) are for reads; appends take turns on one of their own.
 * Errors: retryable 'trail-unreachable'; terminal 'trail-tampered', 'trail-forbidden', 'trail-malformed', 'trail-gap'.
 */
export function openTrail(options: {
  url: string;
  clock: Clock;
  maxConnections?: number;
  onForbidden?: OnForbidden;
  silentMs?: number;
}): WritableTrail {
  const { onForbidden, silentMs } = options;
  const reads = openPool(options.url, { max: options.maxConnections ?? 4, onForbidden, silentMs });
  const writes = openPool(options.url, { max: 1, onForbidden, silentMs });
  const rows = (found: readonly Row[]) => found.map(recorded);

  const readAll: Trail['readAll'] = (afterPosition, limit) =>
    reading(reads, async (sql) => {
      const found = rows(
        await sql<Row[]>`
          select e.*, p.salt, p.bytes, p.words_salt, p.words from millwright.entries e left join millwright.payloads p
            on p.position = e.position and p.position > ${afterPosition} -- an outer join does not hand the bound on, and would read from the first on
          where e.position > ${afterPosition} order by e.position limit ${Math.min(limit, MAX_READ)}`,
      );
      for (const [i, { envelope }] of found.entries())
        if (envelope.position !== afterPosition + i + 1)
          throw terminal('trail-gap', `entry ${afterPosition + i + 1} is missing`);
      return found;
    });

  const follow = openFollow(options.url, readAll);

  return {
    append: groupCommit(writes, options.clock),
    readAll,
    read: (stream, afterVersion = 0) =>
      reading(reads, async (sql) => {
        const found = rows(
          await sql<Row[]>`
            select e.*, p.salt, p.bytes, p.words_salt, p.words from millwright.entries e left join millwright.payloads p using (position)
            where stream = ${stream} and version > ${afterVersion} order by version`,
        );
        for (const [i, { envelope }] of found.entries())
          if (envelope.version !== afterVersion + i + 1)
            throw terminal('trail-gap', `version ${afterVersion + i + 1} of ${stream} is missing`);
        return found;
      }),
    head: () =>
      reading(reads, async (sql) => {
        const [row] = await sql<[{ head: number }]>`
          select coalesce(max(position), 0) as head from millwright.entries`;
        return row.head;
      }),
    follow: follow.follow,
    deadClaims: () =>
      reading(reads, async (sql) => {
        const found = await sql<{ attempt: string; fence: number; incarnation: string }[]>`
          select attempt, fence, incarnation from millwright.dead_claims()`;
        return found.map((row) => ({ ...row, attempt: AttemptId.parse(row.attempt) }));
      }),
    heldClaims: () =>
      reading(reads, async (sql) => {
        const found = await sql<{ attempt: string; fence: number; incarnation: string }[]>`
          select c.attempt, c.fence, c.incarnation from millwright.claims c
          where not c.closed and not c.released
            and not exists (select from millwright.claims n where n.attempt = c.attempt and n.fence > c.fence)
            and millwright.is_alive(c.incarnation)`;
        return found.map((row) => ({ ...row, attempt: AttemptId.parse(row.attempt) }));
      }),
    readAt: (positions) =>
      reading(reads, async (sql) =>
        rows(
          await sql<Row[]>`
            select position, stream, version, type, actor, at, payload_digest, salt, bytes, words_salt, words from (
              select e.*, p.salt, p.bytes, p.words_salt, p.words, nth,
                coalesce(sum(p.size) over (order by nth), 0) - coalesce(p.size, 0) as before
              from unnest(${numberArray(positions.slice(0, MAX_AT))}::bigint[]) with ordinality as wanted(position, nth)
                join millwright.entries e on e.position = wanted.position
                left join lateral (
                  select *, octet_length(bytes) + coalesce(octet_length(words), 0) as size
                  from millwright.payloads where payloads.position = wanted.position
                ) as p on true
            ) as sized where before < ${MAX_AT_BYTES} order by nth`,
        ),
      ),
    async *select({ types, streams = [], upTo }) {
      for (let from = 0; from < upTo; from += STRETCH) {
        const to = Math.min(upTo, from + STRETCH);
        const found = await reading(reads, async (sql) =>
          rows(
            await sql<Row[]>`
              with wanted as materialized ( -- first, so that payloads are looked up for these alone
                select * from millwright.entries where position > ${from} and position <= ${to}
                  and (type = any(${textArray(types)}::text[]) or stream = any(${textArray(streams)}::text[]))
              )
              select wanted.*, p.salt, p.bytes, p.words_salt, p.words
              from wanted left join millwright.payloads p using (position) order by position`,
          ),
        );
        if (found.length > 0) yield found;
      }
    },
    alive: (incarnations) =>
      reading(reads, async (sql) => {
        const found = await sql<{ one: string }[]>`
          select one from unnest(${textArray(incarnations)}::text[]) as one where millwright.is_alive(one)`;
        return new Set(found.map(({ one }) => one));
      }),
    named: (kind) =>
      reading(reads, async (sql) => {
        const found = await sql<{ stream: string }[]>`
          select stream from millwright.entries
          where stream >= ${`${kind}/`} and stream < ${`${kind}0`} and version = 1 order by stream`;
        return found.map(({ stream }) => stream.slice(kind.length + 1));
      }),
    close: async () => {
      await Promise.all([follow.close(), reads.close(), writes.close()]);
    },
  };
}
