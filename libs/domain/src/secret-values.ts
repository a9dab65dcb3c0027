// Secrets that the factory knows, found in a text by their value: as they are, in base64 (once or twice), base64url or hex, as numbers,
// percent-encoded, behind the escapes of JSON or HTML, and written over several lines or strings.
//
// Each text is read in a few ways (as it stands, unescaped, percent-decoded), and each reading also with letters and digits alone, so that one
// needle stands for every alphabet of base64, every way of breaking lines and every separator. Every pass over a text is linear.

export type KnownSecret = { name: string; value: string };
type KnownSpan = { start: number; end: number; name: string };

export type SecretValues = {
  /** Every place that holds a known value, in order. */
  find(text: string): KnownSpan[];
  /** The text with `[secret NAME]` where a value was; never longer than it was. */
  mask(text: string): string;
  /** Names of secrets whose values are too short or too plain to be told from ordinary text. */
  readonly untold: readonly string[];
};

/** A shorter value is found in ordinary text by chance. Characters. */
const SHORTEST = 8;
/** Of a needle of letters and digits alone, which stands for many ways of writing it. */
const SHORTEST_SQUEEZED = 10;
/** JSON in JSON in JSON. */
const ESCAPES_DEEP = 3;

/** A reading of a text: its characters, and where in the text each of them begins and ends. Null: where they are. */
type Reading = { text: string; starts: Uint32Array | null; ends: Uint32Array | null };
type Needle = { text: string; name: string };

const asItStands = (text: string): Reading => ({ text, starts: null, ends: null });

/** `step` says of the character at an index what stands for it and how many characters it takes, or null where it is itself. */
function reread(
  from: Reading,
  step: (text: string, at: number) => { as: string; takes: number } | null,
): Reading {
  const { text } = from;
  const starts = new Uint32Array(text.length);
  const ends = new Uint32Array(text.length);
  const parts: string[] = [];
  let [length, plain] = [0, 0];
  for (let at = 0; at < text.length; ) {
    const change = step(text, at);
    const takes = change?.takes ?? 1;
    if (change !== null) {
      parts.push(text.slice(plain, at), change.as);
      plain = at + takes;
    }
    // What stands for several characters is never longer than they are.
    for (let i = 0; i < (change === null ? 1 : change.as.length); i++) {
      starts[length] = from.starts?.[at] ?? at;
      ends[length] = from.ends?.[at + takes - 1] ?? at + takes;
      length++;
    }
    at += takes;
  }
  parts.push(text.slice(plain));
  return { text: parts.join(''), starts, ends };
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
  if (text[at] !== '\\' || at + 1 === text.length) return null;
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
  if (text[at] !== '%') return null;
  const byte = /^[0-9a-f]{2}/i.exec(text.slice(at + 1, at + 3))?.[0];
  return byte === undefined ? null : { as: String.fromCharCode(Number.parseInt(byte, 16)), takes: 3 };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** References to characters of HTML and XML, by number or by one of the five names that both have. */
function entityDecoded(text: string, at: number): { as: string; takes: number } | null {
  if (text[at] !== '&') return null;
  const [whole = '', name, decimal, hexadecimal] =
    /^&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-f]{1,6}));/i.exec(text.slice(at, at + 10)) ?? [];
  if (whole === '') return null;
  if (name !== undefined) return { as: ENTITIES[name.toLowerCase()] ?? '', takes: whole.length };
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
  return code > 0x10ffff ? null : { as: String.fromCodePoint(code), takes: whole.length };
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code >= 128;

const squeezed = (text: string, at: number): { as: string; takes: number } | null =>
  isAlphanumeric(text.charCodeAt(at)) ? null : { as: '', takes: 1 };

const squeeze = (text: string): string => reread(asItStands(text), squeezed).text;

function readings(text: string): Reading[] {
  const all = [asItStands(text)];
  let last = all[0] as Reading;
  for (let deep = 0; deep < ESCAPES_DEEP && last.text.includes('\\'); deep++) {
    last = reread(last, unescaped);
    all.push(last);
  }
  if (last.text.includes('%')) all.push(reread(last, percentDecoded));
  if (last.text.includes('&')) all.push(reread(last, entityDecoded));
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

function needlesOf(secrets: readonly KnownSecret[]) {
  const exact: Needle[] = [];
  const loose: Needle[] = [];
  const untold: string[] = [];
  for (const { name, value } of secrets) {
    const parts = [...new Set(partsOf(value))].filter(canBeTold);
    if (!canBeTold(value)) untold.push(name);
    for (const part of parts) {
      const bytes = utf8(part);
      exact.push({ text: part, name });
      if (latin1(bytes) !== part) exact.push({ text: latin1(bytes), name });
      const written = [
        part,
        hex(bytes),
        hex(bytes).toUpperCase(),
        bytes.join(''),
        ...[0, 1, 2].map((shift) => base64Core(bytes, shift)),
        base64Core(utf8(btoa(latin1(bytes))), 0),
      ];
      for (const text of written.map(squeeze))
        if (text.length >= SHORTEST_SQUEEZED && canBeTold(text)) loose.push({ text, name });
    }
  }
  return { exact, loose, untold };
}

/** Needles by their first four characters, and a table of which those are: most places of a text cost one look. */
class Index {
  readonly #seen = new Uint8Array(65_536);
  readonly #by = new Map<string, Needle[]>();

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      const head = needle.text.slice(0, 4);
      this.#seen[Index.#hash(needle.text, 0)] = 1;
      this.#by.set(head, [...(this.#by.get(head) ?? []), needle]);
    }
  }

  static #hash(text: string, at: number): number {
    let hash = 0;
    for (let i = 0; i < 4; i++) hash = (hash * 31 + text.charCodeAt(at + i)) & 0xffff;
    return hash;
  }

  *find({ text, starts, ends }: Reading): Generator<KnownSpan> {
    for (let at = 0; at + 4 <= text.length; at++) {
      if (this.#seen[Index.#hash(text, at)] === 0) continue;
      for (const needle of this.#by.get(text.slice(at, at + 4)) ?? []) {
        if (!text.startsWith(needle.text, at)) continue;
        const last = at + needle.text.length - 1;
        yield { start: starts?.[at] ?? at, end: ends?.[last] ?? last + 1, name: needle.name };
      }
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
  const { exact, loose, untold } = needlesOf(secrets);
  const [asWritten, bare] = [new Index(exact), new Index(loose)];
  const find = (text: string): KnownSpan[] =>
    exact.length === 0 || text.length < SHORTEST
      ? []
      : united(
          readings(text).flatMap((reading) => [
            ...asWritten.find(reading),
            ...bare.find(reread(reading, squeezed)),
          ]),
        );
  return {
    find,
    untold,
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
