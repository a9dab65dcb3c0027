import { hiddenIn } from '@millwright/api';

/** A terminal's commands and what else is hidden in a text, by name where it stands: `a⟨U+202E⟩b`. Lines and tabs stay. */
export function visible(text: string): string {
  let shown = '';
  let after = 0;
  for (const { at, name } of hiddenIn(text)) {
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
