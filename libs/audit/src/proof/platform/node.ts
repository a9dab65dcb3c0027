import { Buffer as NodeBuffer } from 'node:buffer';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { Platform } from './platform.ts';

// What Node has of its own: `#platform` for every program of the factory.

/** DER around the 32 bytes of a key, RFC 8410 sections 4 and 7. */
const SPKI = NodeBuffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = NodeBuffer.from('302e020100300506032b657004220420', 'hex');

const privateKeyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: NodeBuffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });

export const Buffer = NodeBuffer;
export type Buffer = NodeBuffer;

/** By way of text: a buffer made by `hash` itself takes four times as long (measured on Node 24: 1.9 µs against 0.5 µs). */
export const sha256: Platform['sha256'] = (data) => NodeBuffer.from(hash('sha256', data, 'binary'), 'latin1');

export const sha256Hex: Platform['sha256Hex'] = (data) => hash('sha256', data, 'hex');

export const ed25519: Platform['ed25519'] = {
  verifier(publicKey) {
    const key = createPublicKey({ key: NodeBuffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
    return (message, signature) => verify(null, message, key, signature);
  },
  signer(seed) {
    const key = privateKeyOf(seed);
    return (message) => sign(null, message, key);
  },
  publicKey: (seed) =>
    createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' }).subarray(SPKI.length),
  newSeed: () =>
    generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length),
};
