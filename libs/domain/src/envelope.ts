import { z } from 'zod';
import type { Entry } from './entries/index.ts';
import { Actor, Digest, Instant, StreamId } from './ids.ts';

/**
 * What the trail holds of an entry besides its payload (`data`, as canonical bytes with a salt, in a table of its own). Free text is no part
 * of the payload: that has `"$words"`, the digest of the text, and `"$words.at"`, where it belongs; the text lies beside it.
 */
export const Envelope = z.strictObject({
  v: z.literal(1),
  position: z.number().int().positive(),
  stream: StreamId,
  version: z.number().int().positive(),
  type: z.string(),
  actor: Actor,
  at: Instant,
  payloadDigest: Digest,
});
export type Envelope = z.infer<typeof Envelope>;

/** An entry read back. Free text that was redacted reads as `REDACTED`. */
export type RecordedEntry = { envelope: Envelope; entry: Entry };
