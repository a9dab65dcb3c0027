import { hash } from 'node:crypto';

/** SHA-256, 32 bytes. By way of text: a buffer made by `hash` itself takes four times as long (measured on Node 24: 1.9 µs against 0.5 µs). */
export const sha256 = (data: string | Uint8Array): Uint8Array =>
  Buffer.from(hash('sha256', data, 'binary'), 'latin1');

/** Reused by every call: hashing is synchronous. */
const scratch = Buffer.alloc(65_536);

/** SHA-256(salt ‖ bytes), in hex. */
export function saltedSha256(salt: Uint8Array, bytes: Uint8Array): string {
  const length = salt.length + bytes.length;
  const whole = length <= scratch.length ? scratch.subarray(0, length) : Buffer.alloc(length);
  whole.set(salt);
  whole.set(bytes, salt.length);
  return hash('sha256', whole, 'hex');
}
