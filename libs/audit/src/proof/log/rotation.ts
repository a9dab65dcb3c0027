import { Buffer } from '#platform';
import { parseVerifierKey, type SignerKey, type VerifierKey } from './keys.ts';
import { formatNote, parseNote, signText } from './note.ts';

// How one checkpoint key hands over to the next: a note on both, signed by both. Ours; no standard has one.

/** What an entry `factory.key-rotated` says. */
export type Rotation = { previous: string; next: string; note: string };

const textOf = (previous: string, next: string): string =>
  `millwright key rotation v1\n${previous}\n${next}\n`;

/** The handing over, by holders of both keys. */
export function rotation(previous: SignerKey, next: SignerKey): Rotation {
  const text = textOf(previous.vkey, next.vkey);
  const signatures = [signText(text, previous), signText(text, next)];
  return { previous: previous.vkey, next: next.vkey, note: formatNote({ text, signatures }) };
}

/** Both keys, where both have signed the handing over and are of one name; null otherwise. */
export function checkRotation({
  previous,
  next,
  note,
}: Rotation): { previous: VerifierKey; next: VerifierKey } | null {
  const keys = { previous: parseVerifierKey(previous), next: parseVerifierKey(next) };
  const parsed = parseNote(note);
  if (keys.previous === null || keys.next === null || parsed.kind !== 'note') return null;
  if (keys.previous.name !== keys.next.name || keys.previous.kind !== 'note' || keys.next.kind !== 'note')
    return null;
  const { text, signatures } = parsed.note;
  if (text !== textOf(previous, next)) return null;
  const signed = (key: VerifierKey) =>
    signatures.some(
      (one) => one.name === key.name && one.id === key.id && key.verify(Buffer.from(text), one.bytes),
    );
  return signed(keys.previous) && signed(keys.next) ? { previous: keys.previous, next: keys.next } : null;
}

/**
 * The keys that follow from trusted ones by rotations, in the order of the trail. With `backwards`, also those before them: only for
 * looking at old checkpoints whose roots are recomputed anyway, since whoever stole an old key must not speak for the new one.
 */
export function keysAfter(
  trusted: readonly VerifierKey[],
  rotations: readonly Rotation[],
  options: { backwards?: boolean } = {},
): VerifierKey[] {
  const known = new Map(trusted.map((key) => [key.vkey, key]));
  const checked = rotations.map(checkRotation).filter((one) => one !== null);
  for (const { previous, next } of checked) if (known.has(previous.vkey)) known.set(next.vkey, next);
  if (options.backwards)
    for (const { previous, next } of checked.toReversed())
      if (known.has(next.vkey)) known.set(previous.vkey, previous);
  return [...known.values()];
}
