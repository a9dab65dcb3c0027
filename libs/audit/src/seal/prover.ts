import { numberArray, textArray } from '@millwright/database';
import { type RepoName, type RunId, streamOf, terminal } from '@millwright/domain';
import { openPool, reading, type Sql } from '../connect.ts';
import {
  type Bundle,
  type BundleEntry,
  checkConsistency,
  checkPayload,
  consistencySpans,
  nodesOfSpans,
  proofOf,
  type Rotation,
  redactedBy,
} from '../proof/index.ts';
import { payloadOf } from '../rows.ts';
import { checkpointsWithin, rotationsOn, type SignedCheckpoint } from './checkpoints.ts';
import { inclusionOf } from './inclusion.ts';
import { type EntryRow, entriesAfter } from './log.ts';
import { envelopeOf, hashesOf, rootAt } from './nodes.ts';
import { items, latest, redactionRows, select, treeOf, written } from './proved.ts';
import { exportRange, type WantedRange } from './range.ts';

// Proofs from what is stored.

export type Prover = {
  /** The proof of one entry, with it and its payload: a bundle of one, which `verifyBundle` checks. */
  prove(position: number): Promise<Bundle>;
  /** The proofs of many entries, in the order of the trail, under the latest checkpoint. */
  proveAll(positions: readonly number[]): Promise<Bundle>;
  /** Hashes from the leaf's sibling up, in the tree of `size` (default: of the latest checkpoint). */
  inclusion(position: number, size?: number): Promise<{ size: number; proof: Uint8Array[] }>;
  /** That the tree of `from` is the beginning of that of `to`. Both must be sealed. */
  consistency(from: number, to: number): Promise<Uint8Array[]>;
  /** Everything of a run: its stream and its attempts', under the latest checkpoint. */
  exportRun(run: RunId): Promise<Bundle>;
  /** Every entry of a range, as lines of a file that `RangeVerifier` checks: the header when this resolves, then pages of entries as they are asked for. */
  exportRange(range: WantedRange): Promise<AsyncGenerator<string, void>>;
  /** The trail as it is, for a verifier who reads it all: up to 2,000 entries and 8 MiB a page, with the checkpoints of their sizes. */
  log(after: number, limit: number): Promise<LogPage>;
  /** Handings over from key to key, in order. */
  rotations(): Promise<Rotation[]>;
  close(): Promise<void>;
};

/** Payloads as in bundles; null where one is missing. */
type LogPage = {
  entries: Omit<BundleEntry, 'proof'>[];
  checkpoints: { size: number; note: string }[];
  /** Where the trail ends, and the size of its last checkpoint. */
  head: number;
  sealed: number;
};

/** Bytes of payloads a page. */
const PAGE_BYTES = 8_388_608;
async function logPage(sql: Sql, after: number, limit: number): Promise<LogPage> {
  const [[ends], rows] = await Promise.all([
    sql<[{ head: number; sealed: number }]>`
      select (select coalesce(max(position), 0) from millwright.entries) as head,
        (select coalesce(max(size), 0) from millwright.checkpoints) as sealed`,
    entriesAfter(sql, after, { entries: limit, bytes: PAGE_BYTES }),
  ]);
  const end = rows.at(-1)?.position ?? after;
  const checkpoints = await checkpointsWithin(sql, after, end);
  return {
    entries: rows.map(written),
    checkpoints: checkpoints.map(({ size, note }) => ({ size, note })),
    ...ends,
  };
}

async function bundleOf(
  sql: Sql,
  run: string | null,
  rows: readonly EntryRow[],
  checkpoint: SignedCheckpoint,
): Promise<Bundle> {
  const tree = treeOf(checkpoint);
  const rotations = await sql<EntryRow[]>`
    ${select(sql)} where e.stream = ${streamOf.factory()} and e.type = 'factory.key-rotated' and e.position <= ${tree.size} order by e.position`;
  const redactions = await redactionsOf(sql, rows, tree.size);
  const vkeys = (await rotationsOn(sql)).flatMap(({ previous, next }) => [previous, next]);
  return {
    format: 'millwright-trail-bundle',
    v: 1,
    run,
    checkpoint: checkpoint.note,
    keys: vkeys.length === 0 ? {} : { [tree.origin]: [...new Set(vkeys)] },
    entries: await items(sql, rows, tree),
    rotations: await items(sql, rotations, tree),
    ...(redactions.length === 0 ? {} : { redactions: await items(sql, redactions, tree) }),
  };
}

/** The sealed entries that account for what was erased of these, and of themselves. */
async function redactionsOf(sql: Sql, rows: readonly EntryRow[], size: number): Promise<EntryRow[]> {
  const erased = (row: EntryRow) => checkPayload(envelopeOf(row), payloadOf(row)) === 'redacted';
  if (!rows.some(erased)) return [];
  const said = await redactionRows(sql, size);
  const wanted = new Set(rows.filter(erased).map((row) => row.position));
  for (const row of said) if (erased(row)) wanted.add(row.position);
  return said.filter((row) => wanted.has(redactedBy(envelopeOf(row), payloadOf(row)) ?? 0));
}

const dataOf = (row: EntryRow): Record<string, unknown> =>
  JSON.parse(Buffer.from(payloadOf(row)?.bytes ?? '{}').toString('utf8'));

/** What the run's target says of its release, from the first entry that does to the last, with what came in between. */
async function sliceOf(sql: Sql, run: RunId, own: readonly EntryRow[]): Promise<EntryRow[]> {
  const ofRun = own.filter((row) => row.stream === streamOf.run(run));
  const opened = ofRun.find((row) => row.type === 'run.opened');
  const built = ofRun.findLast((row) => row.type === 'release.built');
  if (opened === undefined || built === undefined) return [];
  const [{ repo }, { release }] = [dataOf(opened), dataOf(built)];
  const rows = await sql<EntryRow[]>`
    ${select(sql)} where e.stream = ${streamOf.target(repo as RepoName)} and e.position > ${built.position} order by e.position`;
  // An earlier closing entry, after which the run was let go on, ends nothing.
  const last = ofRun.at(-1);
  const until = last?.type === 'run.closed' ? last.position : Number.POSITIVE_INFINITY;
  const mine = rows.filter((row) => row.position < until && dataOf(row).release === release);
  const [from, to] = [mine[0], mine.at(-1)];
  return from === undefined || to === undefined
    ? []
    : rows.filter((row) => row.position >= from.position && row.position <= to.position);
}

/** The run's own stream and those of its attempts. */
async function streamsOf(sql: Sql, run: RunId): Promise<string[]> {
  const rows = await sql<{ bytes: Uint8Array }[]>`
    select p.bytes from millwright.entries e join millwright.payloads p using (position)
    where e.stream = ${streamOf.run(run)} and e.type = 'stage.opened' order by e.version`;
  const attempts = rows.flatMap(({ bytes }) => {
    const { attempt }: { attempt?: unknown } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof attempt === 'string' ? [`attempt/${attempt}`] : [];
  });
  return [...new Set([streamOf.run(run), ...attempts])];
}

/**
 * Role orchestrator. Errors: retryable 'unsealed' and 'trail-unreachable'; terminal 'no-entry', 'no-run', 'trail-tampered'. `vkey` tells the
 * current verifier key, which goes into bundles by name; verifiers bring their own.
 */
export function openProver(options: {
  url: string;
  vkey?: () => Promise<string | null>;
  maxConnections?: number;
}): Prover {
  const pool = openPool(options.url, { max: options.maxConnections ?? 2, deadlineMs: 60_000 });

  const withKey = async (bundle: Bundle): Promise<Bundle> => {
    const vkey = (await options.vkey?.()) ?? null;
    if (vkey === null) return bundle;
    const name = vkey.split('+')[0] ?? '';
    return {
      ...bundle,
      keys: { ...bundle.keys, [name]: [...new Set([...(bundle.keys[name] ?? []), vkey])] },
    };
  };

  const rowAt = async (sql: Sql, position: number): Promise<EntryRow> => {
    const [row] = await sql<EntryRow[]>`${select(sql)} where position = ${position}`;
    if (row === undefined) throw terminal('no-entry', `the trail has no entry ${position}`);
    return row;
  };

  return {
    prove: async (position) =>
      withKey(
        await reading(pool, async (sql) => {
          const row = await rowAt(sql, position);
          return bundleOf(sql, null, [row], await latest(sql, position));
        }),
      ),
    proveAll: async (positions) =>
      withKey(
        await reading(pool, async (sql) => {
          const rows = await sql<EntryRow[]>`
            ${select(sql)} where position = any(${numberArray(positions)}::bigint[]) order by position`;
          return bundleOf(sql, null, rows, await latest(sql, rows.at(-1)?.position ?? 1));
        }),
      ),
    inclusion: (position, size) => reading(pool, (sql) => inclusionOf(sql, position, size ?? null)),
    consistency: (from, to) =>
      reading(pool, async (sql) => {
        const last = await latest(sql, to);
        if (from > to || to > last.size)
          throw terminal('no-entry', `there is no way from ${from} to ${to} entries`);
        const spans = consistencySpans(from, to);
        const hashOf = await hashesOf(sql, nodesOfSpans(spans), to);
        const proof = proofOf(spans, hashOf);
        const [before, after] = [await rootAt(sql, from), await rootAt(sql, to)];
        if (!checkConsistency(from, to, before, after, proof))
          throw terminal('trail-tampered', 'the stored tree contradicts itself');
        return proof;
      }),
    exportRun: async (run) =>
      withKey(
        await reading(pool, async (sql) => {
          const streams = await streamsOf(sql, run);
          const own = await sql<
            EntryRow[]
          >`${select(sql)} where e.stream = any(${textArray(streams)}::text[]) order by e.position`;
          if (own.length === 0) throw terminal('no-run', `the trail has no run ${run}`);
          const rows = [...own, ...(await sliceOf(sql, run, own))].sort((a, b) => a.position - b.position);
          const end = rows.at(-1) as EntryRow;
          return bundleOf(sql, run, rows, await latest(sql, end.position));
        }),
      ),
    exportRange: async (range) => exportRange(pool, range, (await options.vkey?.()) ?? null),
    log: (after, limit) => reading(pool, (sql) => logPage(sql, after, limit)),
    rotations: () => reading(pool, rotationsOn),
    close: () => pool.close(),
  };
}
