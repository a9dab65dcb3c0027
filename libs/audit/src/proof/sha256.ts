import { Buffer, sha256, sha256Hex } from '#platform';

export { sha256 };

/** Reused by every call: hashing is synchronous. */
const scratch = Buffer.alloc(65_536);

/** SHA-256(salt ‖ bytes), in hex. */
export function saltedSha256(salt: Uint8Array, bytes: Uint8Array): string {
  const length = salt.length + bytes.length;
  const whole = length <= scratch.length ? scratch.subarray(0, length) : Buffer.alloc(length);
  whole.set(salt);
  whole.set(bytes, salt.length);
  return sha256Hex(whole);
}
