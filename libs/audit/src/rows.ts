import { randomBytes } from 'node:crypto';
import {
  Actor,
  type Digest,
  Entry,
  Envelope,
  type RecordedEntry,
  StreamId,
  terminal,
} from '@millwright/domain';
import { canonicalBytes, checkPayload } from './proof/index.ts';

/** Brings an entry of an older version to today's form, before it is parsed. The stored bytes stay as they are. */
export type Upcast = (raw: { type: string; data: unknown }) => { type: string; data: unknown };

/** Version 1 is all there is. */
export const upcastV1: Upcast = (raw) => raw;

export type Row = {
  position: number;
  stream: string;
  version: number;
  type: string;
  actor: string;
  at: number;
  payload_digest: Uint8Array;
  salt: Uint8Array | null;
  bytes: Uint8Array | null;
};

/** Throws a terminal 'trail-tampered' when the payload is not the one its digest was made of, 'trail-unreadable' when it does not parse. */
export function recorded(row: Row, upcast: Upcast): RecordedEntry {
  const digest = `sha256:${Buffer.from(row.payload_digest).toString('hex')}` as Digest;
  const { position, stream, version, type, actor, at } = row;
  const envelope: Envelope = {
    v: 1,
    position,
    stream: stream as StreamId,
    version,
    type,
    actor: actor as Actor,
    at,
    payloadDigest: digest,
  };
  if (row.salt === null || row.bytes === null) return { envelope, entry: null };
  if (checkPayload(envelope, { salt: row.salt, bytes: row.bytes }) !== 'ok')
    throw terminal(
      'trail-tampered',
      `the payload of entry ${position} is not what was recorded; run: millwright trail verify`,
    );
  try {
    const data: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(row.bytes));
    return { envelope: Envelope.parse(envelope), entry: Entry.parse(upcast({ type, data })) };
  } catch (error) {
    throw terminal('trail-unreadable', `entry ${position} (${type}) does not parse`, error);
  }
}

/** A model's text, cut in the middle of a pair, may hold a lone surrogate, which RFC 8785 has no form for: it becomes U+FFFD. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]),
  );
}

export type Encoded = { types: string[]; salts: Uint8Array[]; payloads: Uint8Array[] };

/** 200 entries an append and 4 MiB a payload at most, as the database has it. Throws a terminal 'trail-malformed' for what could never be read back. */
export function encode(stream: string, actor: string, entries: readonly Entry[]): Encoded {
  if (entries.length < 1 || entries.length > 200)
    throw terminal('trail-malformed', `an append has 1 to 200 entries, not ${entries.length}`);
  try {
    StreamId.parse(stream);
    Actor.parse(actor);
    const parsed = entries.map((entry) => Entry.parse(entry));
    return {
      types: parsed.map((entry) => entry.type),
      salts: parsed.map(() => randomBytes(16)),
      payloads: parsed.map((entry) => canonicalBytes(wellFormed(entry.data))),
    };
  } catch (error) {
    throw terminal('trail-malformed', `an entry of ${stream} does not fit its schema`, error);
  }
}
