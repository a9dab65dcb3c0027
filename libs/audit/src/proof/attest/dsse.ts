import { Buffer } from '#platform';
import type { SignerKey, VerifierKey } from '../log/keys.ts';

// DSSE v1.0.0, https://github.com/secure-systems-lab/dsse: an envelope around a payload, signed over the pre-authentication encoding of its
// type and bytes. Signed with the key of the checkpoints: what a note signs ends with a line break and begins with an origin, which has no
// space, so that nothing which is signed as one can be shown as the other.

/** The payload type of in-toto statements. */
export const IN_TOTO = 'application/vnd.in-toto+json';
/** An envelope of ours is some 10 kB. */
const MAX_ENVELOPE = 1_048_576;
const MAX_SIGNATURES = 64;

export type DsseEnvelope = {
  payloadType: string;
  payload: string;
  signatures: { keyid: string; sig: string }[];
};

/** `DSSEv1 <length> <type> <length> <body>`, lengths in bytes. */
export function pae(type: string, body: Uint8Array): Uint8Array {
  const encoded = Buffer.from(type);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${encoded.length} `),
    encoded,
    Buffer.from(` ${body.length} `),
    body,
  ]);
}

/** How an envelope names a key: a verifier key's text without its last part. A hint, on which nothing rests. */
export const keyidOf = (key: Pick<VerifierKey, 'name' | 'id'>): string => `${key.name}+${key.id}`;

export function signEnvelope(payloadType: string, body: Uint8Array, signer: SignerKey): DsseEnvelope {
  const sig = Buffer.from(signer.sign(pae(payloadType, body))).toString('base64');
  return {
    payloadType,
    payload: Buffer.from(body).toString('base64'),
    signatures: [{ keyid: keyidOf(signer), sig }],
  };
}

export type OpenedEnvelope =
  | { kind: 'opened'; payloadType: string; body: Uint8Array; signedBy: VerifierKey[] }
  | { kind: 'malformed'; reason: string }
  /** None of the keys that were given has signed it. */
  | { kind: 'unknown-key'; reason: string }
  /** It names a key that was given, which has not signed this. */
  | { kind: 'bad-signature'; reason: string };

const malformed = (reason: string) => ({ kind: 'malformed', reason }) as const;

/** Either alphabet, as the protocol asks, and nothing looser. */
function decoded(text: unknown): Buffer | null {
  if (typeof text !== 'string') return null;
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Buffer.from(standard, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === standard.replace(/=+$/, '') ? bytes : null;
}

function readEnvelope(
  text: string,
): { payloadType: string; body: Buffer; signatures: { keyid: string; sig: Buffer }[] } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null; // the caller says that it is malformed
  }
  if (value === null || typeof value !== 'object') return null;
  const { payloadType, payload, signatures } = value as Record<string, unknown>;
  const body = decoded(payload);
  if (typeof payloadType !== 'string' || body === null || !Array.isArray(signatures)) return null;
  if (signatures.length > MAX_SIGNATURES) return null;
  const read = signatures.flatMap((one: { keyid?: unknown; sig?: unknown } | null) => {
    const sig = decoded(one?.sig);
    return sig === null ? [] : [{ keyid: typeof one?.keyid === 'string' ? one.keyid : '', sig }];
  });
  return read.length === signatures.length ? { payloadType, body, signatures: read } : null;
}

/** Reads an envelope and finds which of the given keys have signed it. Never throws; `MAX_ENVELOPE` characters at most. */
export function openEnvelope(text: string, keys: readonly VerifierKey[]): OpenedEnvelope {
  if (text.length > MAX_ENVELOPE) return malformed('the envelope is too large');
  const envelope = readEnvelope(text);
  if (envelope === null) return malformed('this is no DSSE envelope');
  const { payloadType, body, signatures } = envelope;
  const message = pae(payloadType, body);
  const own = keys.filter((key) => key.kind === 'note');
  const signedBy = own.filter((key) => signatures.some(({ sig }) => key.verify(message, sig)));
  if (signedBy.length > 0) return { kind: 'opened', payloadType, body, signedBy };
  const named = own.find((key) => signatures.some(({ keyid }) => keyid === keyidOf(key)));
  return named === undefined
    ? { kind: 'unknown-key', reason: 'no key that you gave has signed the envelope' }
    : { kind: 'bad-signature', reason: `the signature of ${keyidOf(named)} does not hold` };
}
