import { type Envelope, putTogether } from '@millwright/domain';
import type { ReadEntry } from '../export/bundle.ts';
import type { Payload } from './entry.ts';
import type { Rotation } from './rotation.ts';

/** What an entry says, its free text aside, where its payload is there and is an object. */
export function dataOf(entry: Pick<ReadEntry, 'payload'>): Record<string, unknown> | null {
  if (entry.payload === null) return null;
  try {
    const data: unknown = JSON.parse(
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry.payload.bytes),
    );
    return data !== null && typeof data === 'object' ? (data as Record<string, unknown>) : null;
  } catch {
    return null; // its digest holds, so it was recorded like that: it says nothing
  }
}

/** The handings over from key to key that these entries record. */
export function rotationsOf(entries: readonly ReadEntry[]): Rotation[] {
  return entries.flatMap((entry) => {
    const data = entry.envelope.type === 'factory.key-rotated' ? dataOf(entry) : null;
    if (typeof data?.previous !== 'string' || typeof data.next !== 'string' || typeof data.note !== 'string')
      return [];
    return [{ previous: data.previous, next: data.next, note: data.note }];
  });
}

/** The position whose free text an entry says was erased; null for any other entry. */
export function redactedBy(
  envelope: Pick<Envelope, 'type' | 'stream' | 'position'>,
  payload: Payload | null,
): number | null {
  if (envelope.type !== 'trail.redacted' || envelope.stream !== 'factory') return null;
  const position = dataOf({ payload })?.position;
  return Number.isSafeInteger(position) && Number(position) < envelope.position ? Number(position) : null;
}

const json = (bytes: Uint8Array): unknown =>
  JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));

function strings(value: unknown): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw new TypeError('not a list of strings');
}

/** What was recorded, its free text where it belongs; erased text reads as redacted. Throws where the payload is none of ours. */
export function saidBy(payload: Payload): unknown {
  const { $words, '$words.at': at, ...rest } = json(payload.bytes) as Record<string, unknown>;
  if ($words === undefined) return rest;
  return putTogether(rest, strings(at), payload.words && strings(json(payload.words.bytes)));
}
