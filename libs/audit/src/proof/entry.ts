import { hash } from 'node:crypto';
import type { Digest, Envelope } from '@millwright/domain';
import canonicalize from 'canonicalize';

// Pure: what a verifier needs to recompute an entry's hashes from its bytes, without the factory and without a database.

/**
 * RFC 8785 (JSON Canonicalization Scheme) in UTF-8. Throws for what has no such form: undefined, a function, NaN, a bigint, a lone
 * surrogate.
 */
export function canonicalBytes(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return new TextEncoder().encode(text);
}

/** SHA-256(salt ‖ bytes). The salt (16 random bytes) keeps a redacted payload from being guessed back from its digest. */
export function payloadDigest(salt: Uint8Array, bytes: Uint8Array): Digest {
  return `sha256:${hash('sha256', Buffer.concat([salt, bytes]), 'hex')}` as Digest;
}

/**
 * The canonical text of an envelope: what a leaf is the hash of. Written out, since its keys are known: RFC 8785 sorts them, and writes
 * strings and whole numbers as JSON.stringify does. (A third of the time of the general form.)
 */
function envelopeText(e: Envelope): string {
  return `{"actor":${JSON.stringify(e.actor)},"at":${e.at},"payloadDigest":"${e.payloadDigest}","position":${e.position},"stream":${JSON.stringify(e.stream)},"type":${JSON.stringify(e.type)},"v":${e.v},"version":${e.version}}`;
}

/** The canonical bytes of an envelope, RFC 8785. */
export function envelopeBytes(envelope: Envelope): Uint8Array {
  return new TextEncoder().encode(envelopeText(envelope));
}

/** A leaf of the tree, RFC 6962 section 2.1: SHA-256(0x00 ‖ canonical envelope). */
export function leafHash(envelope: Envelope): Uint8Array {
  return hash('sha256', `\0${envelopeText(envelope)}`, 'buffer');
}

/** Whether a payload is the one that its envelope commits to; `redacted` where there is none. */
export function checkPayload(
  envelope: Envelope,
  payload: { salt: Uint8Array; bytes: Uint8Array } | null,
): 'ok' | 'redacted' | 'mismatch' {
  if (payload === null) return 'redacted';
  return payloadDigest(payload.salt, payload.bytes) === envelope.payloadDigest ? 'ok' : 'mismatch';
}
