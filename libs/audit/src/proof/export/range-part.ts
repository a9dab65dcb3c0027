import type { Envelope } from '@millwright/domain';
import { Buffer, sha256 } from '#platform';
import { checkPayload, type Payload } from '../log/entry.ts';
import { NEWLINE } from '../log/lines.ts';
import { dataOf, redactedBy } from '../log/payloads.ts';
import { nodesOf } from '../log/tree.ts';

// What a stretch of a range's lines says by itself. Nothing before it is needed for that, so stretches can be read side by side.

/**
 * A line up to its payload, as `envelopeText` writes it. What stands between the quotes is vouched for by the leaf: nothing else is asked of it.
 * (A class of characters takes twice the time.)
 */
const START =
  /^\{"envelope":(\{"actor":"[^"]+","at":\d+,"payloadDigest":"([^"]{71})","position":(\d+),"stream":"([^"]+)","type":"([^"]+)","v":1,"version":(\d+)\})(,"payload":|\}$)/;
/** Sixteen bytes in base64: the last digit has four bits, so that no other text is the same bytes. */
const SALT = /^,"salt":"([0-9A-Za-z+/]{21}[AQgw]==)"$/;
const WORDS_SALT = /^,"wordsSalt":"([0-9A-Za-z+/]{21}[AQgw]==)"$/;
const SALT_LENGTH = ',"salt":"AAAAAAAAAAAAAAAAAAAAAA=="'.length;
const WORDS_SALT_LENGTH = ',"wordsSalt":"AAAAAAAAAAAAAAAAAAAAAA=="'.length;
const WORDS = ',"words":';

type ReadLine = {
  /** What the leaf is the hash of. */
  text: string;
  envelope: Pick<Envelope, 'position' | 'stream' | 'type' | 'version' | 'payloadDigest'>;
  payload: Payload | null;
};

/**
 * Reads the line of an entry, bytes [from, end) without its newline; null where it is not as `rangeLine` writes it. Payload and free text are views of
 * the bytes, found by where they end, and not parsed: they are right if their digests are.
 */
function readLine(bytes: Buffer, from: number, end: number): ReadLine | null {
  const line = bytes.toString('latin1', from, end); // a character a byte
  const found = START.exec(line);
  if (found === null || !line.endsWith('}')) return null;
  const [start, text = '', payloadDigest, position, stream, type, version, next] = found;
  const envelope = { position: Number(position), stream, type, version: Number(version), payloadDigest };
  const read = (payload: Payload | null) => ({ text, envelope: envelope as ReadLine['envelope'], payload });
  if (next === '}') return read(null);
  /** What lies in front of a salt that ends at `stop`. */
  const salted = (salt: RegExp, length: number, first: number, stop: number) => {
    const last = stop - length;
    const encoded = last < first ? undefined : salt.exec(line.slice(last, stop))?.[1];
    return encoded === undefined
      ? null
      : { salt: Buffer.from(encoded, 'base64'), bytes: bytes.subarray(from + first, from + last) };
  };
  const plain = salted(SALT, SALT_LENGTH, start.length, line.length - 1);
  if (plain !== null) return read({ ...plain, words: null });
  const wordsAt = line.lastIndexOf(WORDS);
  const words = salted(WORDS_SALT, WORDS_SALT_LENGTH, wordsAt + WORDS.length, line.length - 1);
  const payload = words === null ? null : salted(SALT, SALT_LENGTH, start.length, wordsAt);
  return payload === null ? null : read({ ...payload, words });
}

/** What entries say that bears on others, in the order of the trail. */
export type Said =
  /** Versions `from` to `to` of a stream, of which the last is at `position`. */
  | { kind: 'reached'; stream: string; from: number; to: number; position: number }
  /** A run's closing entry, and the last versions that it lists, if that can be read. */
  | { kind: 'closed'; run: string; streams: unknown; position: number }
  /** Free text is gone from the entry at `position`. */
  | { kind: 'redacted'; position: number }
  /** The entry at `position` says that free text of the one at `of` was erased. */
  | { kind: 'erased'; of: number; position: number };

/** Plain data, so that it can come from another thread. */
export type Part = {
  first: number;
  /** How many entries were read from `first` on. */
  entries: number;
  /** The hashes of the complete nodes that they make, one after the other, as `nodesOf` lists them. */
  nodes: Uint8Array;
  said: Said[];
  /** The first payload that is not the recorded one. */
  suspect: { position: number; code: 'missing' | 'payload'; reason: string } | null;
  /** Why the line after those entries was not read: it is not the next entry (`more`: there should be none). */
  stop: { code: 'malformed' | 'removed' | 'reordered' | 'more'; reason: string } | null;
};

/** No line of an entry is as short: its envelope alone is longer. */
const LEAST_BYTES = 128;

const pair = Buffer.alloc(65, 1);

/** The root of the `width` leaves from `start` on, made pair by pair in their place. */
function rootOf(leaves: Buffer, start: number, width: number): Buffer {
  const own = leaves.subarray(32 * start, 32 * (start + width));
  for (let n = width; n > 1; n /= 2)
    for (let i = 0; i < n / 2; i++) {
      own.copy(pair, 1, 64 * i, 64 * i + 64);
      own.set(sha256(pair), 32 * i);
    }
  return own.subarray(0, 32);
}

function nodesAmong(leaves: Buffer, first: number, entries: number, level: number): Uint8Array {
  const since = first - 1;
  const places = nodesOf(since, since + entries, level);
  return Buffer.concat(
    places.map((node) => rootOf(leaves, node.index * 2 ** node.level - since, 2 ** node.level)),
  );
}

/** Complete lines of a range until `until` in blocks of 2^level entries; the first should be that of the entry at `first`. */
export type Stretch = { bytes: Buffer; first: number; until: number; level: number };

export const moreAfter = (until: number): string =>
  `there is more in the file after entry ${until}, which is its last`;

export function readPart({ bytes, first, until, level }: Stretch): Part {
  const leaves = Buffer.allocUnsafe(32 * Math.ceil(bytes.length / LEAST_BYTES));
  const part: Part = { first, entries: 0, nodes: leaves, said: [], suspect: null, stop: null };
  /** Where each stream has come to, since a run was closed last. */
  const reached = new Map<string, Extract<Said, { kind: 'reached' }>>();

  const follow = ({ envelope, payload }: ReadLine): void => {
    const { position, stream, version } = envelope;
    const checked = checkPayload(envelope, payload);
    if (checked === 'missing' || checked === 'mismatch') {
      const [code, what] =
        checked === 'missing'
          ? (['missing', 'missing'] as const)
          : (['payload', 'not what was recorded'] as const);
      part.suspect ??= { position, code, reason: `the payload of entry ${position} is ${what}` };
      return;
    }
    if (checked === 'redacted') part.said.push({ kind: 'redacted', position });
    if (stream.startsWith('run/') || stream.startsWith('attempt/')) {
      const last = reached.get(stream);
      if (last !== undefined && version === last.to + 1) Object.assign(last, { to: version, position });
      else {
        const next = { kind: 'reached' as const, stream, from: version, to: version, position };
        reached.set(stream, next);
        part.said.push(next);
      }
    }
    if (envelope.type === 'run.closed') {
      part.said.push({ kind: 'closed', run: stream, streams: dataOf({ payload })?.streams, position });
      reached.clear();
    }
    const of = redactedBy(envelope, payload);
    if (of !== null) part.said.push({ kind: 'erased', of, position });
  };

  let from = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
    const position = first + part.entries;
    const line = position > until ? 'more' : readLine(bytes, from, end);
    if (line === 'more') part.stop = { code: 'more', reason: moreAfter(until) };
    else if (line === null)
      part.stop = { code: 'malformed', reason: `the line of entry ${position} is not as it should be` };
    else if (line.envelope.position !== position) {
      const there = line.envelope.position;
      const reason = `entry ${there} is where entry ${position} should be`;
      part.stop = { code: there > position ? 'removed' : 'reordered', reason };
    }
    if (part.stop !== null || typeof line !== 'object' || line === null) break;
    leaves.set(sha256(`\0${line.text}`), 32 * part.entries);
    follow(line);
    part.entries += 1;
    from = end + 1;
  }
  part.nodes = nodesAmong(leaves, first, part.entries, level);
  return part;
}
