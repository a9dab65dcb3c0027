// Titles, plans, reasons and sources were written by models, repositories and strangers. A terminal obeys control characters, and format
// characters (bidirectional overrides, zero widths, tags) show a text as another one than it is. What is hidden is defined here, once: a gate
// raises on it in a changed line, and no message, no line on a terminal and no JSON document carries it.

/**
 * C0, DEL and C1 but for tab and line feed, format characters, line and paragraph separators, lone surrogates, and whatever else a font shows as
 * nothing. A variation selector after an emoji is how people write one, and stays.
 */
const HIDDEN =
  /(?!(?<=\p{Extended_Pictographic})[\uFE0E\uFE0F])(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** What a terminal reads as a command: CSI, OSC and the other escape sequences of ECMA-48, each bounded. */
const ESCAPE_SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\u001b\[|\u009b)[0-?]{0,64}[ -/]{0,16}[@-~]|(?:\u001b[\]P^_X]|[\u009d\u0090\u009e\u009f\u0098])[^\u0007\u001b\u009c]{0,4096}(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]{0,4}[0-~]/g;

const nameOf = (sign: string): string =>
  `U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** The hidden characters of a text: where each is, and its name (`U+202E`). */
export function* hiddenIn(text: string): Generator<{ at: number; name: string }> {
  for (const { 0: sign, index } of text.matchAll(HIDDEN)) yield { at: index, name: nameOf(sign) };
}

/** Foreign text as people may see it: its lines and tabs, and nothing that is hidden. */
export const plainText = (text: string): string =>
  text.replaceAll(/\r\n?/g, '\n').replaceAll(ESCAPE_SEQUENCE, '').replaceAll(HIDDEN, '');

/** The same on one line. */
export const plainLine = (text: string): string => plainText(text).replaceAll(/\s+/g, ' ').trim();

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

/** A JSON document that says the same and shows what is hidden: every hidden character as its escape. */
export const visibleJson = (json: string): string =>
  json.replaceAll(HIDDEN, (sign) =>
    Array.from({ length: sign.length }, (_, i) => unit(sign.charCodeAt(i))).join(''),
  );
