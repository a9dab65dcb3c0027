import { hiddenIn } from '@millwright/api';

/** Most texts are: nothing is hidden among these. */
const PLAIN = /^[\t\n -~]*$/;
/** What colours a text on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const COLOUR = /\u001b\[[0-9;]{0,32}m/y;

/** A terminal's commands and what else is hidden in a text, by name where it stands: `a⟨U+202E⟩b`. Lines, tabs and colours stay. */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  let shown = '';
  let after = 0;
  for (const { at, name } of hiddenIn(text)) {
    COLOUR.lastIndex = at;
    if (COLOUR.test(text)) continue;
    shown += `${text.slice(after, at)}⟨${name}⟩`;
    after = at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  }
  return shown + text.slice(after);
}

/** Every text in an answer, as people may see it. */
export function allVisible<T>(value: T): T {
  if (typeof value === 'string') return visible(value) as T;
  if (Array.isArray(value)) return value.map(allVisible) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, allVisible(one)])) as T;
}
