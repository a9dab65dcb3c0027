import { Buffer } from '#platform';
import { fromBase64, toBase64 } from '../base64.ts';
import { isKeyName, type SignerKey } from './keys.ts';

// Signed notes, https://c2sp.org/signed-note: a text, an empty line, and lines of signatures.

/** One signature line: the key's name and id, and what that key made. */
export type Signature = { name: string; id: string; bytes: Uint8Array };
/** `text` ends with a newline. */
export type Note = { text: string; signatures: Signature[] };

/** Longer notes are refused, and so are more signatures. The specification asks for 16 at least. */
export const MAX_NOTE = 262_144;
const MAX_SIGNATURES = 64;

export type ParsedNote = { kind: 'note'; note: Note } | { kind: 'malformed'; reason: string };
const malformed = (reason: string) => ({ kind: 'malformed', reason }) as const;

/** Control characters other than newline; a lone surrogate has no UTF-8. */
const plain = (text: string): boolean => text.isWellFormed() && !/[^\P{Cc}\n\u007f-\u009f]/u.test(text);

function parseSignature(line: string): Signature | null {
  const [dash, name = '', encoded = '', ...more] = line.split(' ');
  const bytes = fromBase64(encoded);
  if (dash !== '\u2014' || more.length > 0 || !isKeyName(name) || bytes === null || bytes.length < 5)
    return null;
  return { name, id: Buffer.from(bytes.subarray(0, 4)).toString('hex'), bytes: bytes.subarray(4) };
}

/** Syntax only: says nothing about whether a signature holds. */
export function parseNote(text: string): ParsedNote {
  if (text.length > MAX_NOTE) return malformed('the note is too long');
  if (!plain(text)) return malformed('the note has control characters');
  const cut = text.lastIndexOf('\n\n');
  if (cut < 0 || !text.endsWith('\n')) return malformed('the note has no signatures');
  const lines = text.slice(cut + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return malformed('the note has too many signatures');
  const signatures = lines.map(parseSignature);
  if (!signatures.every((one) => one !== null)) return malformed('a signature line is malformed');
  return { kind: 'note', note: { text: text.slice(0, cut + 1), signatures } };
}

/** One line, with its newline. */
export const signatureLine = ({ name, id, bytes }: Signature): string =>
  `\u2014 ${name} ${toBase64(Buffer.concat([Buffer.from(id, 'hex'), bytes]))}\n`;

/** The note's text form. Throws a RangeError for a text that no note can have. */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n') || !plain(text))
    throw new RangeError("a note's text ends with a newline and has no control characters");
  return `${text}\n${signatures.map(signatureLine).join('')}`;
}

/** A signature over a note's text, by a key of kind `note`. */
export function signText(text: string, signer: SignerKey): Signature {
  return { name: signer.name, id: signer.id, bytes: signer.sign(Buffer.from(text)) };
}
