import type { Envelope } from '@millwright/domain';
import { Buffer } from '#platform';
import { leafHash } from '../log/entry.ts';

/** The first entry whose hash is not the sealed one, and those after it, each with what was sealed for its position. */
export type Suspect = { position: number; window: { envelope: Envelope; sealed: Uint8Array | undefined }[] };

/** Whether an entry, put at `position` (and its version moved by at most one, as renumbering does), is the one sealed as `hash`. */
function was(envelope: Envelope | undefined, position: number, hash: Uint8Array | undefined): boolean {
  if (envelope === undefined || hash === undefined) return false;
  return [0, -1, 1].some(
    (by) => Buffer.compare(leafHash({ ...envelope, position, version: envelope.version + by }), hash) === 0,
  );
}

/** What somebody did, as far as the hashes tell: best effort; that something was done, and where, is certain. */
export function diagnose({ position, window }: Suspect): {
  code: 'inserted' | 'removed' | 'reordered' | 'changed';
  reason: string;
} {
  const sealed = (i: number) => window[i]?.sealed;
  const entry = (i: number) => window[i]?.envelope;
  if (was(entry(1), position, sealed(0)) && !was(entry(0), position + 1, sealed(1)))
    return {
      code: 'inserted',
      reason: `entry ${position} was inserted: what was sealed at ${position} comes after it`,
    };
  if (was(entry(0), position + 1, sealed(1)) && !was(entry(1), position, sealed(0)))
    return {
      code: 'removed',
      reason: `the entry sealed at ${position} was removed: what is there now was sealed as entry ${position + 1}`,
    };
  const from = window.findIndex((_, i) => i > 0 && was(entry(i), position, sealed(0)));
  if (from > 0)
    return {
      code: 'reordered',
      reason: `entries were reordered: what was sealed at ${position} is now at ${position + from}`,
    };
  return { code: 'changed', reason: `entry ${position} is not the one that was sealed: it was changed` };
}
