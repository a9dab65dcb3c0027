import { Envelope } from '@millwright/domain';
import { Buffer } from '#platform';
import { fromBase64, toBase64 } from '../base64.ts';
import type { Payload } from '../log/entry.ts';

// The trail bundle: one JSON file that can be checked with nothing but the public key. Its form, read from bytes nobody vouches for.

const BUNDLE_FORMAT = 'millwright-trail-bundle';
/** Larger files are refused unread. An entry with its proof is 2–3 kB, so this is some 50,000 of them. */
export const MAX_BUNDLE_BYTES = 134_217_728;
const MAX_ENTRIES = 1_000_000;
/** A tree of 2^53 leaves has no longer proof. */
const MAX_PROOF = 53;

/** Stored canonical bytes as text, and their salt in base64. */
type Salted = { salt: string; text: string };
/** `words`: the entry's free text; left out where it has none, null where it was redacted. */
export type BundlePayload = Salted & { words?: Salted | null };

export type BundleEntry = {
  envelope: Envelope;
  payload: BundlePayload | null;
  /** The inclusion proof under the bundle's checkpoint: hashes in base64, the leaf's sibling first. */
  proof: string[];
};

export type Bundle = {
  format: typeof BUNDLE_FORMAT;
  v: 1;
  /** The run whose streams these are; null for a proof of single entries. */
  run: string | null;
  /** The signed checkpoint with its cosignatures, as C2SP tlog-checkpoint has it. */
  checkpoint: string;
  /** Verifier keys by name, for reading: a verifier brings its own. */
  keys: Record<string, string[]>;
  /** In the order of the trail. */
  entries: BundleEntry[];
  /** Entries `factory.key-rotated`: from an older key to the one that signed the checkpoint. */
  rotations: BundleEntry[];
  /** Entries `trail.redacted`: why free text of these entries is missing. Left out where none is. */
  redactions?: BundleEntry[];
};

export type Unreadable = {
  kind: 'unreadable';
  code: 'too-large' | 'not-json' | 'other-format' | 'other-version' | 'malformed';
  reason: string;
};
const unreadable = (code: Unreadable['code'], reason: string): Unreadable => ({
  kind: 'unreadable',
  code,
  reason,
});

/** An entry, its hashes decoded. */
export type ReadEntry = {
  envelope: Envelope;
  payload: Payload | null;
  proof: Uint8Array[];
};
export type ReadBundle = Omit<Bundle, 'entries' | 'rotations' | 'redactions'> & {
  entries: ReadEntry[];
  rotations: ReadEntry[];
  redactions: ReadEntry[];
};

/** Whether it is an object with exactly these keys. What is not checked could be changed unseen, so nothing else may be there. */
function exactly<K extends string>(value: unknown, keys: readonly K[]): value is Record<K, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const own = Object.keys(value);
  return own.length === keys.length && keys.every((key) => Object.hasOwn(value, key));
}

function readSalted(value: Salted): { salt: Uint8Array; bytes: Uint8Array } | undefined {
  if (typeof value.salt !== 'string' || typeof value.text !== 'string') return undefined;
  const salt = fromBase64(value.salt);
  return salt?.length === 16 && value.text.isWellFormed()
    ? { salt, bytes: Buffer.from(value.text) }
    : undefined;
}

/** A payload as it is written, read back; undefined where it is not one. */
export function readPayload(value: unknown): Payload | null | undefined {
  if (value === null) return null;
  const apart = exactly(value, ['salt', 'text', 'words']);
  if (!apart && !exactly(value, ['salt', 'text'])) return undefined;
  const salted = readSalted(value as Salted);
  if (salted === undefined) return undefined;
  if (!apart || value.words === null) return { ...salted, words: null };
  const words = exactly(value.words, ['salt', 'text']) ? readSalted(value.words as Salted) : undefined;
  return words && { ...salted, words };
}

/** Bytes that are no UTF-8 are replaced, and then do not verify: nothing recorded has any. */
export function writtenPayload(payload: Payload | null): BundlePayload | null {
  if (payload === null) return null;
  const written = ({ salt, bytes }: { salt: Uint8Array; bytes: Uint8Array }): Salted => ({
    salt: toBase64(salt),
    text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
  });
  return payload.words === null ? written(payload) : { ...written(payload), words: written(payload.words) };
}

/** A hash's text, read. Neighbours' proofs share most of their hashes. */
type ReadHash = (text: string) => Uint8Array | null;

function readEntry(value: unknown, hashOf: ReadHash): ReadEntry | null {
  if (!exactly(value, ['envelope', 'payload', 'proof']) || !Array.isArray(value.proof)) return null;
  const envelope = Envelope.safeParse(value.envelope);
  const payload = readPayload(value.payload);
  const proof = value.proof
    .slice(0, MAX_PROOF + 1)
    .map((one) => (typeof one === 'string' ? hashOf(one) : null));
  if (!envelope.success || payload === undefined || proof.length > MAX_PROOF) return null;
  return proof.every((one) => one?.length === 32)
    ? { envelope: envelope.data, payload, proof: proof as Uint8Array[] }
    : null;
}

/** Null where it is no list of entries. */
export function readEntries(value: unknown): ReadEntry[] | null {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) return null;
  const entries: ReadEntry[] = [];
  const read = new Map<string, Uint8Array | null>();
  const hashOf: ReadHash = (text) => {
    const before = read.get(text);
    if (before !== undefined) return before;
    const bytes = fromBase64(text);
    read.set(text, bytes);
    return bytes;
  };
  for (const one of value) {
    const entry = readEntry(one, hashOf);
    if (entry === null) return null;
    entries.push(entry);
  }
  return entries;
}

function parseJson(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null; // cut, not JSON, or nested without end: all the same to a reader
  }
}

function isKeys(value: unknown): value is Record<string, string[]> {
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value).every((list) => Array.isArray(list) && list.every((one) => typeof one === 'string'))
  );
}

/** Reads a bundle's text or bytes. Every reason to refuse it is a value; bounded by `MAX_BUNDLE_BYTES`. */
export function readBundle(source: string | Uint8Array): { kind: 'read'; bundle: ReadBundle } | Unreadable {
  if (source.length > MAX_BUNDLE_BYTES)
    return unreadable('too-large', `the bundle is larger than ${MAX_BUNDLE_BYTES} bytes`);
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  const parsed = parseJson(text);
  if (parsed === null)
    return unreadable('not-json', 'the bundle is not JSON: it may be cut, or another kind of file');
  const { value } = parsed;
  if (value === null || typeof value !== 'object' || !('format' in value) || value.format !== BUNDLE_FORMAT)
    return unreadable('other-format', 'this is JSON, but not a trail bundle');
  if (!('v' in value) || value.v !== 1)
    return unreadable('other-version', 'the bundle is of a version that this program does not know');
  const malformed = (part: string) => unreadable('malformed', `the bundle's ${part} is not as it should be`);
  const fields = ['format', 'v', 'run', 'checkpoint', 'keys', 'entries', 'rotations'] as const;
  const redacts = exactly(value, [...fields, 'redactions']);
  if (!redacts && !exactly(value, fields)) return malformed('list of fields');
  const { run, checkpoint, keys } = value;
  if (run !== null && typeof run !== 'string') return malformed('run');
  if (typeof checkpoint !== 'string') return malformed('checkpoint');
  if (!isKeys(keys)) return malformed('list of keys');
  const entries = readEntries(value.entries);
  if (entries === null) return malformed('list of entries');
  const rotations = readEntries(value.rotations);
  if (rotations === null) return malformed('list of rotations');
  const redactions = redacts ? readEntries(value.redactions) : [];
  if (redactions === null) return malformed('list of redactions');
  return {
    kind: 'read',
    bundle: { format: BUNDLE_FORMAT, v: 1, run, checkpoint, keys, entries, rotations, redactions },
  };
}
