import { plainLine, plainText, visibleJson } from '@millwright/domain';

// What the domain calls hidden reaches no terminal: see its plain-text.ts.

/** Foreign text for a terminal, its lines kept. */
export const paragraphs = (text: string): string => plainText(text).replaceAll('\t', '  ');

/** Foreign text for a terminal, on one line. */
export const oneLine = plainLine;

/** A JSON document for a pipe or a terminal: it says the same, and what is hidden in it is written as an escape. */
export const jsonText = (value: unknown, indent = 0): string =>
  visibleJson(JSON.stringify(value, null, indent));
