import { randomBytes } from 'node:crypto';
import {
  Actor,
  type Digest,
  Entry,
  Envelope,
  maskFreeText,
  type RecordedEntry,
  StreamId,
  takeApart,
  terminal,
} from '@millwright/domain';
import { canonicalBytes, checkPayload, type Payload, payloadDigest, saidBy } from './proof/index.ts';

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
} & PayloadRow;

/** A payload as it is stored; all null where there is none. */
export type PayloadRow = {
  salt: Uint8Array | null;
  bytes: Uint8Array | null;
  words_salt: Uint8Array | null;
  words: Uint8Array | null;
};

/** For verifiers: what is there, unparsed. */
export const payloadOf = (row: PayloadRow): Payload | null =>
  row.salt === null || row.bytes === null
    ? null
    : {
        salt: row.salt,
        bytes: row.bytes,
        words:
          row.words === null || row.words_salt === null ? null : { salt: row.words_salt, bytes: row.words },
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
  const payload = payloadOf(row);
  const checked = checkPayload(envelope, payload);
  if (payload === null || checked === 'missing' || checked === 'mismatch')
    throw terminal(
      'trail-tampered',
      `the payload of entry ${position} is ${payload === null ? 'missing' : 'not what was recorded'}; run: ./millwright trail verify`,
    );
  try {
    const data = saidBy(payload);
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

export type Encoded = {
  types: string[];
  salts: Uint8Array[];
  payloads: Uint8Array[];
  /** Null for an entry that has no free text. */
  wordsSalts: (Uint8Array | null)[];
  words: (Uint8Array | null)[];
};

/** What is stored of an entry: its secrets masked, its free text apart under a salt of its own, so that it can be erased alone. */
function encodeOne(entry: Entry): {
  salt: Uint8Array;
  payload: Uint8Array;
  wordsSalt: Uint8Array | null;
  words: Uint8Array | null;
} {
  const { rest, at, words } = takeApart(Entry, maskFreeText(Entry, entry));
  const salt = randomBytes(16);
  if (at.length === 0) return { salt, payload: canonical(rest.data), wordsSalt: null, words: null };
  const wordsSalt = randomBytes(16);
  const bytes = canonical(words);
  const payload = canonical({
    ...rest.data,
    $words: payloadDigest(wordsSalt, bytes),
    '$words.at': at.map((pointer) => pointer.slice('/data'.length)),
  });
  return { salt, payload, wordsSalt, words: bytes };
}

/** Well-formed text is the rule, and costs no second look. */
function canonical(value: object): Uint8Array {
  try {
    return canonicalBytes(value);
  } catch {
    return canonicalBytes(wellFormed(value));
  }
}

/** 200 entries an append and 4 MiB a payload at most, as the database has it. Throws a terminal 'trail-malformed' for what could never be read back. */
export function encode(stream: string, actor: string, entries: readonly Entry[]): Encoded {
  if (entries.length < 1 || entries.length > 200)
    throw terminal('trail-malformed', `an append has 1 to 200 entries, not ${entries.length}`);
  try {
    StreamId.parse(stream);
    Actor.parse(actor);
    const parsed = entries.map((entry) => Entry.parse(entry));
    const encoded = parsed.map(encodeOne);
    return {
      types: parsed.map((entry) => entry.type),
      salts: encoded.map((one) => one.salt),
      payloads: encoded.map((one) => one.payload),
      wordsSalts: encoded.map((one) => one.wordsSalt),
      words: encoded.map((one) => one.words),
    };
  } catch (error) {
    throw terminal('trail-malformed', `an entry of ${stream} does not fit its schema`, error);
  }
}
