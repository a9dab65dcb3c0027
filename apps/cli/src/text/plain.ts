import { stripVTControlCharacters } from 'node:util';

// Titles, reasons and actions were written by models, repositories and strangers. A terminal obeys control characters (rewrite the line above, set
// the title, paste into the clipboard), and bidirectional overrides show a text as another one: none of them reaches it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Foreign text for a terminal, its lines kept. */
export const paragraphs = (text: string): string =>
  stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(UNSAFE, '').replaceAll('\t', '  ');

/** Foreign text for a terminal, on one line. */
export const oneLine = (text: string): string => paragraphs(text).replaceAll(/\s+/g, ' ').trim();
