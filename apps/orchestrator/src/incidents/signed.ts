import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Shorter ones are taken for none. */
export const LEAST_SECRET = 16;

/**
 * Whether a message came from somebody who knows the secret: `x-millwright-signature: sha256=<hex>`, an HMAC-SHA256 over the bytes as they came,
 * or `authorization: Bearer <secret>` (what Alertmanager can send). A signature that is there must fit, whatever else is. Compared in constant time.
 */
export function cameFrom(
  secret: string | null,
  headers: { signature: string | undefined; authorization: string | undefined },
  body: Uint8Array,
): boolean {
  if (secret === null || secret.length < LEAST_SECRET) return false;
  if (headers.signature !== undefined) {
    const given = /^sha256=([0-9a-f]{64})$/.exec(headers.signature)?.[1];
    const right = createHmac('sha256', secret).update(body).digest();
    return given !== undefined && timingSafeEqual(Buffer.from(given, 'hex'), right);
  }
  const token = /^Bearer ([\x21-\x7e]{16,4096})$/.exec(headers.authorization ?? '')?.[1];
  return token !== undefined && timingSafeEqual(digest(token), digest(secret));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
