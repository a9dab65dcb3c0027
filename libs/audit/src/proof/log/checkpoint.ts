import { Buffer } from '#platform';
import { fromBase64, toBase64 } from '../base64.ts';
import type { SignerKey, VerifierKey } from './keys.ts';
import { type Note, parseNote, type Signature } from './note.ts';

// Checkpoints, https://c2sp.org/tlog-checkpoint, and cosignatures, https://c2sp.org/tlog-cosignature (Ed25519).

export type Checkpoint = {
  origin: string;
  /** Leaves in the tree, which is also the position of the last entry under it. */
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  extensions: string[];
};

/** The text that is signed. */
export function checkpointText({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, size, toBase64(root), ...extensions, ''].join('\n');
}

/** Null where the text is not exactly a checkpoint of a SHA-256 tree of at most 2^53 - 1 leaves. */
export function parseCheckpointText(text: string): Checkpoint | null {
  if (!text.endsWith('\n')) return null;
  const [origin = '', digits = '', encoded = '', ...extensions] = text.slice(0, -1).split('\n');
  const size = /^(0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN;
  const root = fromBase64(encoded);
  if (origin === '' || !Number.isSafeInteger(size) || root?.length !== 32 || extensions.includes(''))
    return null;
  return { origin, size, root, extensions };
}

/** Bytes that a cosigner signs: a header, the time in seconds, and the checkpoint's text. */
const cosigned = (text: string, seconds: number): Uint8Array =>
  Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);

/** A cosignature/v1 over a checkpoint's text, by a key of kind `cosignature`. `seconds` are POSIX time. */
export function cosign(text: string, signer: SignerKey, seconds: number): Signature {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  const bytes = Buffer.concat([time, signer.sign(cosigned(text, seconds))]);
  return { name: signer.name, id: signer.id, bytes };
}

/** The time of a cosignature that holds, in POSIX seconds; null where it does not. */
export function checkCosignature(text: string, signature: Signature, key: VerifierKey): number | null {
  const bytes = Buffer.from(signature.bytes);
  if (bytes.length !== 72) return null;
  const seconds = Number(bytes.readBigUInt64BE());
  if (!Number.isSafeInteger(seconds)) return null;
  return key.verify(cosigned(text, seconds), bytes.subarray(8)) ? seconds : null;
}

export type Opened =
  | {
      kind: 'opened';
      note: Note;
      checkpoint: Checkpoint;
      /** The keys named like the origin whose signatures hold: at least one. */
      signedBy: VerifierKey[];
      /** Known witnesses whose cosignatures hold, with their POSIX seconds. */
      cosignedBy: { key: VerifierKey; at: number }[];
    }
  | { kind: 'malformed'; reason: string }
  /** None of the keys that were given has signed it as its log. */
  | { kind: 'unknown-key'; reason: string }
  /** A signature that names a known key does not hold. */
  | { kind: 'bad-signature'; reason: string };

/** Reads a checkpoint and checks the signatures of every key that was given; those of others are ignored, as the specification asks. */
export function openCheckpoint(text: string, keys: readonly VerifierKey[]): Opened {
  const parsed = parseNote(text);
  if (parsed.kind === 'malformed') return parsed;
  const { note } = parsed;
  const checkpoint = parseCheckpointText(note.text);
  if (checkpoint === null) return { kind: 'malformed', reason: 'the note is not a checkpoint' };
  const message = Buffer.from(note.text);
  const signedBy: VerifierKey[] = [];
  const cosignedBy: { key: VerifierKey; at: number }[] = [];
  for (const signature of note.signatures) {
    for (const key of keys) {
      if (key.name !== signature.name || key.id !== signature.id) continue;
      const at = key.kind === 'note' ? null : checkCosignature(note.text, signature, key);
      const holds = key.kind === 'note' ? key.verify(message, signature.bytes) : at !== null;
      if (!holds)
        return { kind: 'bad-signature', reason: `the signature of ${key.name} (${key.id}) does not hold` };
      if (at !== null) cosignedBy.push({ key, at });
      else if (key.name === checkpoint.origin) signedBy.push(key);
    }
  }
  if (signedBy.length > 0) return { kind: 'opened', note, checkpoint, signedBy, cosignedBy };
  const origins = keys.filter((key) => key.kind === 'note').map((key) => key.name);
  const reason = origins.includes(checkpoint.origin)
    ? `no key that you gave has signed the checkpoint of ${checkpoint.origin}`
    : `the checkpoint is of ${checkpoint.origin}, and you gave keys of ${origins.join(', ') || 'no log'}`;
  return { kind: 'unknown-key', reason };
}
