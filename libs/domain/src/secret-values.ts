import { z } from 'zod';

// Secrets that the factory knows, found in a text by their value: as they are, in base64 (once or twice), base64url or hex, as numbers,
// percent-encoded, behind the escapes of JSON or HTML, and written over several lines or strings.
//
// Each text is read in a few ways (as it stands, unescaped, percent-decoded), and each reading also with letters and digits alone, so that one
// needle stands for every alphabet of base64, every way of breaking lines and every separator. Every pass over a text is linear.

//
// Who may not know the values (a runner) finds them by prints: of each needle its length, the hash of its beginning, and a salted digest of the
// whole. A print tells as much as a digest does: a value that can be guessed can be confirmed by whoever reads its prints.

export type KnownSecret = { name: string; value: string };
type KnownSpan = { start: number; end: number; name: string };

export type SecretFinder = {
  /** Every place that holds a known value, in order. */
  find(text: string): KnownSpan[];
  /** The text with `[secret NAME]` where a value was; never longer than it was. */
  mask(text: string): string;
};

export type SecretValues = SecretFinder & {
  /** Names of secrets whose values are too short or too plain to be told from ordinary text. */
  readonly untold: readonly string[];
};

/** Of one value. `head`: 16 bits, of a needle's first characters. */
export const SecretPrints = z.strictObject({
  salt: z.string(),
  needles: z.array(
    z.strictObject({
      squeezed: z.boolean(),
      length: z.number().int().positive(),
      head: z.number().int(),
      digest: z.string(),
    }),
  ),
});
export type SecretPrints = z.infer<typeof SecretPrints>;
type DigestOf = (salt: string, text: string) => string;

/** A shorter value is found in ordinary text by chance. Characters. */
const SHORTEST = 8;
/** Of a needle of letters and digits alone, which stands for many ways of writing it. */
const SHORTEST_SQUEEZED = 10;
/** JSON in JSON in JSON. */
const ESCAPES_DEEP = 3;

/** A reading of a text: its characters, and where in the text each of them begins and ends. Null: where they are. */
type Reading = { text: string; starts: Uint32Array | null; ends: Uint32Array | null };
/** What is looked for: where a text has its beginning by its hash, and is as long, `is` tells. */
type Needle = {
  name: string;
  squeezed: boolean;
  length: number;
  head: number;
  is(text: string, at: number): boolean;
};

const asItStands = (text: string): Reading => ({ text, starts: null, ends: null });

/** `step` says of a `mark` at an index what stands for it and how many characters it takes, or null where it is itself. */
function reread(
  from: Reading,
  mark: string,
  step: (text: string, at: number) => { as: string; takes: number } | null,
): Reading {
  const { text } = from;
  const reading = new Rereading(from);
  const marked = mark.charCodeAt(0);
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const change = code === marked ? step(text, at) : null;
    if (change === null) reading.add(code, at, 1);
    // What stands for several characters is never longer than they are.
    else for (let i = 0; i < change.as.length; i++) reading.add(change.as.charCodeAt(i), at, change.takes);
    at += change?.takes ?? 1;
  }
  return reading.made();
}

class Rereading {
  readonly #from: Reading;
  readonly #codes: Uint16Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #length = 0;

  constructor(from: Reading) {
    this.#from = from;
    this.#codes = new Uint16Array(from.text.length);
    this.#starts = new Uint32Array(from.text.length);
    this.#ends = new Uint32Array(from.text.length);
  }

  /** A character that stands for `takes` of the text that is read, from `at` on. */
  add(code: number, at: number, takes: number): void {
    const { starts, ends } = this.#from;
    this.#codes[this.#length] = code;
    this.#starts[this.#length] = starts?.[at] ?? at;
    this.#ends[this.#length] = ends?.[at + takes - 1] ?? at + takes;
    this.#length++;
  }

  made(): Reading {
    const text = Buffer.from(this.#codes.buffer, 0, 2 * this.#length).toString('utf16le');
    return { text, starts: this.#starts, ends: this.#ends };
  }
}

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
};

function unescaped(text: string, at: number): { as: string; takes: number } | null {
  if (at + 1 === text.length) return null;
  const next = text[at + 1] ?? '';
  const code = next === 'u' ? /^[0-9a-f]{4}/i.exec(text.slice(at + 2, at + 6)) : null;
  const byte = next === 'x' ? /^[0-9a-f]{2}/i.exec(text.slice(at + 2, at + 4)) : null;
  const digits = (code ?? byte)?.[0];
  if (digits !== undefined)
    return { as: String.fromCharCode(Number.parseInt(digits, 16)), takes: 2 + digits.length };
  return { as: SIMPLE[next] ?? next, takes: 2 };
}

/** Byte by byte: a character of several bytes is compared in UTF-8, as the needle is. */
function percentDecoded(text: string, at: number): { as: string; takes: number } | null {
  const byte = /^[0-9a-f]{2}/i.exec(text.slice(at + 1, at + 3))?.[0];
  return byte === undefined ? null : { as: String.fromCharCode(Number.parseInt(byte, 16)), takes: 3 };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** References to characters of HTML and XML, by number or by one of the five names that both have. */
function entityDecoded(text: string, at: number): { as: string; takes: number } | null {
  const [whole = '', name, decimal, hexadecimal] =
    /^&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-f]{1,6}));/i.exec(text.slice(at, at + 10)) ?? [];
  if (whole === '') return null;
  if (name !== undefined) return { as: ENTITIES[name.toLowerCase()] ?? '', takes: whole.length };
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
  return code > 0x10ffff ? null : { as: String.fromCodePoint(code), takes: whole.length };
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code >= 128;

/** A reading with letters and digits alone. */
function squeezed(from: Reading): Reading {
  const reading = new Rereading(from);
  for (let at = 0; at < from.text.length; at++) {
    const code = from.text.charCodeAt(at);
    if (isAlphanumeric(code)) reading.add(code, at, 1);
  }
  return reading.made();
}

const squeeze = (text: string): string => squeezed(asItStands(text)).text;

function readings(text: string): Reading[] {
  const all = [asItStands(text)];
  let last = all[0] as Reading;
  for (let deep = 0; deep < ESCAPES_DEEP && last.text.includes('\\'); deep++) {
    last = reread(last, '\\', unescaped);
    all.push(last);
  }
  if (last.text.includes('%')) all.push(reread(last, '%', percentDecoded));
  if (last.text.includes('&')) all.push(reread(last, '&', entityDecoded));
  return all;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The characters of base64 that a value alone decides, whatever stands before it (`shift` bytes of a group) and after it. */
function base64Core(bytes: Uint8Array, shift: number): string {
  const padded = btoa('\0'.repeat(shift) + latin1(bytes));
  return padded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

/** A word of one case is found in ordinary text by chance, and so is a short number. */
const canBeTold = (value: string): boolean =>
  value.length >= SHORTEST && (value.length >= 20 || !/^(?:[a-z]+|[A-Z]+|[A-Z]?[a-z]+|\d{0,9})$/.test(value));

/** What of a value is secret by itself: all of it, the password of an address, each longer line. */
function* partsOf(value: string): Generator<string> {
  yield value;
  const trimmed = value.trim();
  if (trimmed !== value) yield trimmed;
  const password = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,256}:([^\s/@]{1,1024})@/i.exec(value)?.[1];
  if (password !== undefined) {
    yield password;
    try {
      yield decodeURIComponent(password);
    } catch (error) {
      if (!(error instanceof URIError)) throw error; // not percent-encoded: it is its own text
    }
  }
  if (value.includes('\n'))
    for (const line of value.split('\n')) if (line.trim().length >= 24) yield line.trim();
}

/** The texts that stand for a value, those of letters and digits alone apart. */
function textsOf(value: string): { text: string; squeezed: boolean }[] {
  const all = [...new Set(partsOf(value))].filter(canBeTold).flatMap((part) => {
    const bytes = utf8(part);
    const written = [
      part,
      hex(bytes),
      hex(bytes).toUpperCase(),
      bytes.join(''),
      ...[0, 1, 2].map((shift) => base64Core(bytes, shift)),
      base64Core(utf8(btoa(latin1(bytes))), 0),
    ].map(squeeze);
    return [
      ...[part, latin1(bytes)].map((text) => ({ text, squeezed: false })),
      ...written
        .filter((text) => text.length >= SHORTEST_SQUEEZED && canBeTold(text))
        .map((text) => ({ text, squeezed: true })),
    ];
  });
  return [...new Map(all.map((one) => [`${one.squeezed} ${one.text}`, one])).values()];
}

/** A value's prints; they find nothing where it cannot be told from ordinary text. */
export const printsOf = (value: string, salt: string, digestOf: DigestOf): SecretPrints => ({
  salt,
  needles: textsOf(value).map(({ text, squeezed }) => ({
    ...{ squeezed, length: text.length, head: hashAt(text, 0) },
    digest: digestOf(salt, text),
  })),
});

/** No needle is shorter. */
const HEAD = SHORTEST;
/** What the first of HEAD characters counts for once it is left behind. */
const PASSED = Array.from({ length: HEAD }).reduce((power: number) => (power * 31) & 0xffff, 1);

/** Of the HEAD characters from an index on; 16 bits. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let i = at; i < at + HEAD; i++) hash = (hash * 31 + text.charCodeAt(i)) & 0xffff;
  return hash;
}

/** Needles by their heads, and a table of which those are: most places of a text cost one look. */
class Index {
  readonly #seen = new Uint8Array(65_536);
  readonly #by = new Map<number, Needle[]>();

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      this.#seen[needle.head] = 1;
      this.#by.set(needle.head, [...(this.#by.get(needle.head) ?? []), needle]);
    }
  }

  *find({ text, starts, ends }: Reading): Generator<KnownSpan> {
    let hash = hashAt(text, 0);
    for (let at = 0; at + HEAD <= text.length; at++) {
      if (this.#seen[hash] === 1)
        for (const needle of this.#by.get(hash) ?? []) {
          const last = at + needle.length - 1;
          if (last < text.length && needle.is(text, at))
            yield { start: starts?.[at] ?? at, end: ends?.[last] ?? last + 1, name: needle.name };
        }
      hash = (hash * 31 + text.charCodeAt(at + HEAD) - text.charCodeAt(at) * PASSED) & 0xffff;
    }
  }
}

/** Spans in order, those that overlap as one. */
function united(spans: KnownSpan[]): KnownSpan[] {
  const all: KnownSpan[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = all.at(-1);
    if (last !== undefined && span.start < last.end) last.end = Math.max(last.end, span.end);
    else all.push({ ...span });
  }
  return all;
}

export function secretValues(secrets: readonly KnownSecret[]): SecretValues {
  const needles = secrets.flatMap(({ name, value }) =>
    textsOf(value).map(({ text, squeezed }) => ({
      ...{ name, squeezed, length: text.length, head: hashAt(text, 0) },
      is: (there: string, at: number) => there.startsWith(text, at),
    })),
  );
  const untold = secrets.filter(({ value }) => !canBeTold(value)).map(({ name }) => name);
  return { ...finderOf(needles), untold };
}

/** Finds what the prints are of. `digestOf` is what they were made with. */
export const printedSecrets = (
  secrets: readonly { name: string; prints: SecretPrints }[],
  digestOf: DigestOf,
): SecretFinder =>
  finderOf(
    secrets.flatMap(({ name, prints: { salt, needles } }) =>
      needles.map(({ digest, ...needle }) => ({
        ...{ ...needle, name },
        is: (text: string, at: number) => digestOf(salt, text.slice(at, at + needle.length)) === digest,
      })),
    ),
  );

function finderOf(needles: readonly Needle[]): SecretFinder {
  const asWritten = new Index(needles.filter((needle) => !needle.squeezed));
  const bare = new Index(needles.filter((needle) => needle.squeezed));
  const find = (text: string): KnownSpan[] =>
    needles.length === 0 || text.length < SHORTEST
      ? []
      : united(
          readings(text).flatMap((reading) => [...asWritten.find(reading), ...bare.find(squeezed(reading))]),
        );
  return {
    find,
    mask(text) {
      let at = 0;
      let masked = '';
      for (const { start, end, name } of find(text)) {
        const label = `[secret ${name}]`;
        masked +=
          text.slice(at, start) + (label.length <= end - start ? label : '[secret]'.slice(0, end - start));
        at = end;
      }
      return at === 0 ? text : masked + text.slice(at);
    },
  };
}
