import { Buffer, ed25519, sha256 } from '#platform';
import { fromBase64, toBase64 } from '../base64.ts';

// Ed25519 keys of signed notes, https://c2sp.org/signed-note: verifier keys (`vkey`) and the signer keys of Go's sumdb/note.

/** What a key signs: note texts themselves (0x01), or timestamped checkpoint cosignatures (0x04, https://c2sp.org/tlog-cosignature). */
export type KeyKind = 'note' | 'cosignature';

export type VerifierKey = {
  name: string;
  /** Eight hex digits: the first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key). */
  id: string;
  kind: KeyKind;
  vkey: string;
  verify(message: Uint8Array, signature: Uint8Array): boolean;
  /** The public key as SubjectPublicKeyInfo in PEM, RFC 8410, for tools that know no verifier keys. */
  pem(): string;
};

export type SignerKey = VerifierKey & {
  /** 64 bytes, RFC 8032. */
  sign(message: Uint8Array): Uint8Array;
};

const TYPES: Record<KeyKind, number> = { note: 1, cosignature: 4 };
const kindOf = (type: number | undefined): KeyKind | null =>
  type === TYPES.note ? 'note' : type === TYPES.cosignature ? 'cosignature' : null;

/** DER before the 32 bytes of a public key, RFC 8410 section 4. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** A key's name: at least one character, at most 255, without spaces, plus, control characters. */
export const isKeyName = (name: string): boolean =>
  name.length > 0 && name.length <= 255 && name.isWellFormed() && !/[\s\p{Z}\p{Cc}+]/u.test(name);

function keyId(name: string, typed: Uint8Array): string {
  return Buffer.from(sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, 4)).toString('hex');
}

function verifierOf(name: string, kind: KeyKind, publicKey: Uint8Array): VerifierKey {
  const typed = Buffer.concat([Uint8Array.of(TYPES[kind]), publicKey]);
  const id = keyId(name, typed);
  const verify = ed25519.verifier(publicKey);
  return {
    name,
    id,
    kind,
    vkey: `${name}+${id}+${toBase64(typed)}`,
    pem: () =>
      `-----BEGIN PUBLIC KEY-----\n${toBase64(Buffer.concat([SPKI, publicKey]))}\n-----END PUBLIC KEY-----\n`,
    verify: (message, signature) => signature.length === 64 && verify(message, signature),
  };
}

/** `<name>+<id>+base64(type ‖ 32 bytes)`. Null for anything else: another algorithm, a wrong id, loose base64. */
export function parseVerifierKey(text: string): VerifierKey | null {
  const parts = text.length > 1_000 ? null : /^([^+]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/=]+)$/.exec(text);
  const [, name = '', id = '', encoded = ''] = parts ?? [];
  const typed = fromBase64(encoded);
  const kind = kindOf(typed?.[0]);
  if (!isKeyName(name) || typed === null || kind === null || typed.length !== 33) return null;
  if (keyId(name, typed) !== id) return null;
  return verifierOf(name, kind, typed.subarray(1));
}

function signerOf(name: string, kind: KeyKind, seed: Uint8Array): SignerKey {
  return { ...verifierOf(name, kind, ed25519.publicKey(seed)), sign: ed25519.signer(seed) };
}

/** `PRIVATE+KEY+<name>+<id>+base64(type ‖ 32 bytes of seed)`. Null for anything else. */
export function parseSignerKey(text: string): SignerKey | null {
  const parts =
    text.length > 1_000 ? null : /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/=]+)$/.exec(text);
  const [, name = '', id = '', encoded = ''] = parts ?? [];
  const typed = fromBase64(encoded);
  const kind = kindOf(typed?.[0]);
  if (!isKeyName(name) || typed === null || kind === null || typed.length !== 33) return null;
  const signer = signerOf(name, kind, typed.subarray(1));
  return signer.id === id ? signer : null;
}

/** A new key. `secret` is its text: for a file of mode 0600, and nowhere else. Throws a RangeError for what is no key's name. */
export function generateKey(name: string, kind: KeyKind): { secret: string; signer: SignerKey } {
  if (!isKeyName(name)) throw new RangeError('a key has a name without spaces, plus and control characters');
  const seed = ed25519.newSeed();
  const signer = signerOf(name, kind, seed);
  const typed = Buffer.concat([Uint8Array.of(TYPES[kind]), seed]);
  return { secret: `PRIVATE+KEY+${name}+${signer.id}+${toBase64(typed)}`, signer };
}
