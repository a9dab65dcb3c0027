import { ed25519 as curve } from '@noble/curves/ed25519.js';
import { sha256 as digest } from '@noble/hashes/sha2.js';
import { Buffer } from 'buffer/';
import type { Platform } from './platform.ts';

// `#platform` in a browser: pure JavaScript, nothing of Node.

// Chosen by the importer's conditions (package.json, `imports`), so that nobody names it.
/** @public */
export { Buffer };

const utf8 = new TextEncoder();
const bytesOf = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? utf8.encode(data) : data;

/** @public */
export const sha256: Platform['sha256'] = (data) => Buffer.from(digest(bytesOf(data)));

/** @public */
export const sha256Hex: Platform['sha256Hex'] = (data) => Buffer.from(digest(bytesOf(data))).toString('hex');

/** @public */
export const ed25519: Platform['ed25519'] = {
  // As OpenSSL and Go verify: RFC 8032's own equation, without ZIP 215's looser points.
  verifier: (publicKey) => (message, signature) => {
    try {
      return curve.verify(signature, message, publicKey, { zip215: false });
    } catch {
      // Bytes that are no point or no signature: noble throws where node:crypto answers false.
      return false;
    }
  },
  signer: (seed) => (message) => curve.sign(message, seed),
  publicKey: (seed) => curve.getPublicKey(seed),
  newSeed: () => curve.utils.randomSecretKey(),
};
