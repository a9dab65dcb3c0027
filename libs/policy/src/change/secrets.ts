import { type SecretValues, secretsIn } from '@millwright/domain';
import { type Found, lineFinder, newIn } from './difference.ts';
import { STRINGS_ADDED } from './strings.ts';

export type FoundSecret = { path: string; line: number; kind: string };

/** Enough of a secret to find where it stands. */
const BEGINNING = 4;

/** Known values first: they say which secret it is. */
function finder(known: SecretValues) {
  return function* find(text: string): Generator<Found & { kind: string }> {
    for (const { start, end, name } of known.find(text))
      yield { at: start, key: text.slice(start, end), kind: `the value of secret ${name}`.slice(0, 64) };
    for (const { start, end, kind } of secretsIn(text, { alone: false }))
      yield { at: start, key: text.slice(start, end), kind };
  };
}

/** Secrets that the change brings into a file, one a line; the file's name counts as its line 0. */
export function newSecrets(
  path: string,
  before: string,
  after: string,
  added: boolean,
  known: SecretValues,
): FoundSecret[] {
  const find = finder(known);
  const lineOf = lineFinder(after);
  const kinds = new Map<number, string>();
  for (const { kind } of added ? find(path) : []) if (!kinds.has(0)) kinds.set(0, kind);
  const note = (at: number, kind: string) => {
    const line = lineOf(Math.max(0, at));
    if (!kinds.has(line)) kinds.set(line, kind);
  };
  for (const { at, kind } of newIn(before, after, find)) note(at, kind);
  // A secret in two strings is one where they are added; it is told at the place where its beginning stands.
  const [was, is] = [before, after].map((text) => text.replaceAll(STRINGS_ADDED, ''));
  if (is !== after && is !== undefined && kinds.size === 0)
    for (const { key, kind } of newIn(was ?? '', is, find))
      note(after.indexOf(key.slice(0, BEGINNING)), kind);
  return [...kinds].sort(([a], [b]) => a - b).map(([line, kind]) => ({ path, line, kind }));
}
