import stringWidth from 'string-width';

// What a terminal shows of a text.
let segmenter: Intl.Segmenter | undefined;
/** Made by the first text that needs it: 15 ms that most commands do without. */
const graphemesOf = (text: string) => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
};

/** Columns that `text` takes; escape sequences take none. */
export const widthOf = (text: string): number => stringWidth(text);

/** At most `columns` columns of an uncoloured text, ending in `ellipsis` where something was cut. */
export function cut(text: string, columns: number, ellipsis: string): string {
  if (widthOf(text) <= columns) return text;
  const room = columns - widthOf(ellipsis);
  if (room <= 0) return ellipsis.slice(0, Math.max(0, columns));
  let kept = '';
  let width = 0;
  for (const { segment } of graphemesOf(text)) {
    width += widthOf(segment);
    if (width > room) break;
    kept += segment;
  }
  return kept.trimEnd() + ellipsis;
}

/** A command within prose, to where the prose goes on. */
const COMMAND =
  /\.\/millwright (?:"[^"]*"|[^;,()"\n])*?(?=$|[;,()\n]|: |\. | (?:is|as|and|or|to|on|for|where|then) )/gm;
/** Stands for a space at which no line is broken. */
const GLUE = '\0';

/** A text behind `first`, broken at spaces, its further lines under where it begins. A command in it is copied: it stays on one line. */
export const hang = (first: string, text: string, columns: number): string[] => {
  const indent = widthOf(first);
  const glued = text.replace(COMMAND, (command) => command.replaceAll(' ', GLUE));
  return wrap(glued, Math.max(20, columns - indent)).map(
    (line, at) => (at === 0 ? first : ' '.repeat(indent)) + line.replaceAll(GLUE, ' '),
  );
};

/** As `wrap`, and what is longer than a line is broken where the line ends: a terminal would do it, and not at the indent. */
export const wrapWithin = (text: string, columns: number): string[] =>
  wrap(text, columns).flatMap((line) => (widthOf(line) > columns ? broken(line, columns) : [line]));

function broken(line: string, columns: number): string[] {
  const parts: string[] = [];
  let [part, width] = ['', 0];
  for (const { segment } of graphemesOf(line)) {
    const wide = widthOf(segment);
    if (part !== '' && width + wide > columns) {
      parts.push(part);
      [part, width] = ['', 0];
    }
    part += segment;
    width += wide;
  }
  return [...parts, part];
}

/** Breaks a text at spaces into lines of `columns` columns at most; a longer word stands on a line of its own. Line breaks in the text stay. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && widthOf(line) + 1 + widthOf(word) > columns) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
    return lines;
  });
}
