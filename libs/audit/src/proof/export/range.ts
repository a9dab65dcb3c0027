import type { Envelope } from '@millwright/domain';
import { fromBase64, toBase64 } from '../base64.ts';
import { envelopeText, type Payload } from '../log/entry.ts';
import { checkRotation, type Rotation } from '../log/rotation.ts';
import { type Node, nodesOf } from '../log/tree.ts';
import { type BundleEntry, type ReadEntry, readEntries, type Unreadable } from './bundle.ts';

// A range of the trail as a file: lines of JSON, of which the first says what is proved and the others are the entries (ADR 0017).

export const RANGE_FORMAT = 'millwright-trail-range';
/** How such a file begins, byte for byte. */
export const RANGE_START = `{"format":"${RANGE_FORMAT}",`;
/** Longer lines are refused: the header's, and an entry's with payload and free text of 4 MiB each. */
export const MAX_HEADER_BYTES = 16_777_216;
export const MAX_LINE_BYTES = 2 * 4_194_304 + 4_096;
/** A block is at most so many entries (as a power of two), which bounds what a verifier keeps. */
const MAX_LEVEL = 16;
/** Blocks in a header, at most: larger ranges have larger blocks. */
const MOST_BLOCKS = 16_384;

export type RangeHeader = {
  format: typeof RANGE_FORMAT;
  v: 1;
  /** The entries at positions (since, until], all of them. */
  since: number;
  until: number;
  /** The signed checkpoint with its cosignatures, as C2SP tlog-checkpoint has it. */
  checkpoint: string;
  /** Verifier keys by name, for reading: a verifier brings its own. */
  keys: Record<string, string[]>;
  /** From older keys to the one that signed the checkpoint. */
  rotations: Rotation[];
  /** Entries in a block are two to this power. */
  level: number;
  /** Hashes in base64 that make the checkpoint's root: of the entries before the range, of its blocks, and of the entries after it (`rangeNodes`). */
  nodes: string[];
  /** Entries `trail.redacted` after the range that account for free text in it, with their inclusion proofs. */
  redactions: BundleEntry[];
};

/** Blocks as small as the header has room for: what is wrong is named to within one. */
export function levelOf(entries: number): number {
  let level = 4;
  while (entries / 2 ** level > MOST_BLOCKS) level += 4;
  return level;
}

type Place = { since: number; until: number; level: number };

/** The complete nodes of a range: each is the root of a block of consecutive entries, two to the `level` or, at the edges, fewer. */
export const blocksOf = ({ since, until, level }: Place): Node[] => nodesOf(since, until, level);

/** The nodes whose hashes a header lists, in order: together they are all leaves of a tree of `size`. */
export const rangeNodes = (place: Place, size: number): Node[] => [
  ...nodesOf(0, place.since),
  ...blocksOf(place),
  ...nodesOf(place.until, size),
];

/** The first line, with its newline. */
export const rangeHeaderLine = (header: RangeHeader): string => `${JSON.stringify(header)}\n`;

/**
 * An entry's line, with its newline: canonical JSON (RFC 8785) as a whole, since its parts are and its keys are sorted. So the bytes that are hashed
 * stand in it as they are. Without free text, or where that was redacted, `words` is left out, and all but the envelope where the payload is missing.
 */
export function rangeLine(envelope: Envelope, payload: Payload | null): string {
  const text = (bytes: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const start = `{"envelope":${envelopeText(envelope)}`;
  if (payload === null) return `${start}}\n`;
  const { salt, bytes, words } = payload;
  const rest = words === null ? '' : `,"words":${text(words.bytes)},"wordsSalt":"${toBase64(words.salt)}"`;
  return `${start},"payload":${text(bytes)},"salt":"${toBase64(salt)}"${rest}}\n`;
}

export type ReadHeader = Omit<RangeHeader, 'nodes' | 'redactions'> & {
  nodes: Uint8Array[];
  redactions: ReadEntry[];
};

const KEYS = [
  'format',
  'v',
  'since',
  'until',
  'checkpoint',
  'keys',
  'rotations',
  'level',
  'nodes',
  'redactions',
];
const texts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
/** One that does not hold would say nothing, and could be changed unseen. */
const isRotation = (value: unknown): value is Rotation =>
  isObject(value) &&
  texts(Object.values(value)) &&
  Object.keys(value).sort().join() === 'next,note,previous' &&
  checkRotation(value as Rotation) !== null;
const count = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Reads a header's line. Every reason to refuse it is a value. */
export function readRangeHeader(line: string): { kind: 'read'; header: ReadHeader } | Unreadable {
  const refuse = (code: Unreadable['code'], reason: string): Unreadable => ({
    kind: 'unreadable',
    code,
    reason,
  });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse('not-json', 'the first line is not JSON: the file may be cut, or another kind of file');
  }
  if (!isObject(value) || value.format !== RANGE_FORMAT)
    return refuse('other-format', 'this is JSON, but not a range of a trail');
  if (value.v !== 1)
    return refuse('other-version', 'the range is of a version that this program does not know');
  const malformed = refuse('malformed', "the range's header is not as it should be");
  if (Object.keys(value).sort().join() !== KEYS.toSorted().join()) return malformed;
  const { since, until, level, checkpoint, keys, rotations } = value;
  if (!count(since) || !count(until) || since >= until || !count(level) || level > MAX_LEVEL)
    return malformed;
  if (typeof checkpoint !== 'string' || !isObject(keys) || !Object.values(keys).every(texts))
    return malformed;
  if (!Array.isArray(rotations) || !rotations.every(isRotation) || !texts(value.nodes)) return malformed;
  // Fewer hashes than blocks: counting those of a range without end would take as long.
  if ((until - since) / 2 ** level > value.nodes.length) return malformed;
  const nodes = value.nodes.map(fromBase64);
  const redactions = readEntries(value.redactions);
  if (redactions === null || !nodes.every((hash): hash is Uint8Array => hash?.length === 32))
    return malformed;
  const header = { since, until, level, checkpoint, keys: keys as Record<string, string[]>, rotations };
  return { kind: 'read', header: { format: RANGE_FORMAT, v: 1, ...header, nodes, redactions } };
}
