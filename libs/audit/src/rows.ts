import { randomBytes } from 'node:crypto';
import { numberArray, textArray } from '@millwright/database';
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
import { canonicalText, checkPayload, type Payload, payloadDigest, saidBy } from './proof/index.ts';
import { upcast } from './upcast.ts';

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
export function recorded(row: Row): RecordedEntry {
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
      `the payload of entry ${position} is ${payload === null ? 'missing' : 'not what was recorded'}`,
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

/** An entry as it is stored. */
export type Encoded = {
  type: string;
  /** 32 bytes: the payload's salt, and that of its words. */
  salts: Uint8Array;
  payload: string;
  /** Null for an entry that has no free text. */
  words: string | null;
};

const SALTS = 32;
let randomness = Buffer.alloc(0);
/** From a supply: asking the system for each entry's took a third of the encoding. What was handed out is nobody else's. */
function newSalts(): Uint8Array {
  if (randomness.length === 0) randomness = randomBytes(256 * SALTS);
  const salts = randomness.subarray(0, SALTS);
  randomness = randomness.subarray(SALTS);
  return salts;
}

/** What is stored of an entry: its secrets masked, its free text apart under a salt of its own, so that it can be erased alone. */
function encodeOne(entry: Entry): Encoded {
  const { rest, at, words } = takeApart(Entry, maskFreeText(Entry, entry));
  const salts = newSalts();
  if (at.length === 0) return { type: entry.type, salts, payload: canonical(rest.data), words: null };
  const text = canonical(words);
  const payload = canonical({
    ...rest.data,
    $words: payloadDigest(salts.subarray(SALTS / 2), Buffer.from(text)),
    '$words.at': at.map((pointer) => pointer.slice('/data'.length)),
  });
  return { type: entry.type, salts, payload, words: text };
}

/** Well-formed text is the rule, and costs no second look. */
function canonical(value: object): string {
  try {
    return canonicalText(value);
  } catch {
    return canonicalText(wellFormed(value));
  }
}

/** 200 entries an append and 4 MiB a payload at most, as the database has it. Throws a terminal 'trail-malformed' for what could never be read back. */
export function encode(stream: string, actor: string, entries: readonly Entry[]): Encoded[] {
  if (entries.length < 1 || entries.length > 200)
    throw terminal('trail-malformed', `an append has 1 to 200 entries, not ${entries.length}`);
  try {
    StreamId.parse(stream);
    Actor.parse(actor);
    return entries.map((entry) => encodeOne(Entry.parse(entry)));
  } catch (error) {
    throw terminal('trail-malformed', `an entry of ${stream} does not fit its schema`, error);
  }
}

/** Entries as the database takes them (`append_group`): all texts in one, and where each ends, in bytes. */
export function packed(entries: readonly Encoded[]) {
  const ends = (texts: readonly (string | null)[]) => {
    let end = 0;
    return numberArray(texts.map((text) => (end += text === null ? 0 : Buffer.byteLength(text))));
  };
  const payloads = entries.map((one) => one.payload);
  const words = entries.map((one) => one.words);
  return {
    types: textArray(entries.map((one) => one.type)),
    salts: Buffer.concat(entries.map((one) => one.salts)),
    ends: ends(payloads),
    payloads: payloads.join(''),
    wordsEnds: ends(words),
    words: words.join(''),
  };
}
