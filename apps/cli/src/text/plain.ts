import { stripVTControlCharacters } from 'node:util';

// Titles, reasons and actions were written by models, repositories and strangers. A terminal obeys control characters (rewrite the line above, set
// the title, paste into the clipboard), and bidirectional overrides show a text as another one: none of them reaches it.
// \p{Cc} is C0, DEL and C1; the line break is the only one that stays.
const UNSAFE = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu;

/** Foreign text for a terminal, its lines kept. */
export const paragraphs = (text: string): string =>
  stripVTControlCharacters(text).replaceAll('\t', '  ').replaceAll(UNSAFE, '');

/** Foreign text for a terminal, on one line. */
export const oneLine = (text: string): string => paragraphs(text).replaceAll(/\s+/g, ' ').trim();
