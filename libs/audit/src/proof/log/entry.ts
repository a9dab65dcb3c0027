import type { Digest, Envelope } from '@millwright/domain';
import canonicalize from 'canonicalize';
import { Buffer } from '#platform';
import { saltedSha256, sha256 } from '../sha256.ts';

// Pure: what a verifier needs to recompute an entry's hashes from its bytes, without the factory and without a database.

/** RFC 8785 (JSON Canonicalization Scheme). Throws for what has no such form: undefined, a function, NaN, a bigint, a lone surrogate. */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/** The same in UTF-8. */
export const canonicalBytes = (value: unknown): Uint8Array => new TextEncoder().encode(canonicalText(value));

/** SHA-256(salt ‖ bytes). The salt (16 random bytes) keeps what was erased from being guessed back from its digest. */
export function payloadDigest(salt: Uint8Array, bytes: Uint8Array): Digest {
  return `sha256:${saltedSha256(salt, bytes)}` as Digest;
}

/**
 * The canonical text of an envelope: what a leaf is the hash of. Written out, since its keys are known: RFC 8785 sorts them, and writes
 * strings and whole numbers as JSON.stringify does. (A third of the time of the general form.)
 */
export function envelopeText(e: Envelope): string {
  return `{"actor":${JSON.stringify(e.actor)},"at":${e.at},"payloadDigest":"${e.payloadDigest}","position":${e.position},"stream":${JSON.stringify(e.stream)},"type":${JSON.stringify(e.type)},"v":${e.v},"version":${e.version}}`;
}

/** A leaf of the tree, RFC 6962 section 2.1: SHA-256(0x00 ‖ canonical envelope). */
export function leafHash(envelope: Envelope): Uint8Array {
  return sha256(`\0${envelopeText(envelope)}`);
}

/** Free text, apart from its payload, under a salt of its own: it can be erased, and the payload still stands. */
type Words = { salt: Uint8Array; bytes: Uint8Array };
/** What an entry says, as it is stored. `words`: null where the entry has no free text, or where that was erased. */
export type Payload = { salt: Uint8Array; bytes: Uint8Array; words: Words | null };

// Keys are sorted and none of ours comes before `$`, so a payload that has its words apart begins with their digest.
const WORDS = '{"$words":"';
const DIGEST = 'sha256:'.length + 64;

function digestOfWords(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, WORDS.length + DIGEST));
  return start.toString('latin1', 0, WORDS.length) === WORDS ? start.toString('latin1', WORDS.length) : null;
}

/**
 * Whether a payload is the one that its envelope commits to, and its free text the one that the payload commits to. `redacted`: the text was
 * erased, which is right only where the trail says so. `missing`: there is no payload at all, which is never right.
 */
export function checkPayload(
  envelope: Pick<Envelope, 'payloadDigest'>,
  payload: Payload | null,
): 'ok' | 'redacted' | 'missing' | 'mismatch' {
  if (payload === null) return 'missing';
  if (payloadDigest(payload.salt, payload.bytes) !== envelope.payloadDigest) return 'mismatch';
  const { words } = payload;
  const digest = digestOfWords(payload.bytes);
  if (words === null) return digest === null ? 'ok' : 'redacted';
  return digest !== null && payloadDigest(words.salt, words.bytes) === digest ? 'ok' : 'mismatch';
}
