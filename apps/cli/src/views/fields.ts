import type { Look } from '../text/look.ts';
import { paragraphs } from '../text/plain.ts';
import { widthOf, wrapWithin } from '../text/width.ts';

export type Field = [name: string, value: string | null];

/** Aligned `name  value` lines; fields without a value are left out, long values continue under their own column. */
export function fields(look: Look, all: readonly Field[], indent = ''): string[] {
  const given = all.filter((field): field is [string, string] => field[1] !== null && field[1] !== '');
  const width = Math.max(0, ...given.map(([name]) => widthOf(name)));
  const room = Math.max(20, look.columns - indent.length - width - 2);
  return given.flatMap(([name, value]) => {
    const label = `${indent}${look.colour.dim(name.padEnd(width))}`;
    // A digest is copied: it stands whole on a line of its own where it does not fit beside its name.
    if (widthOf(value) > room && !value.includes(' ') && widthOf(value) + indent.length + 2 <= look.columns)
      return [label.trimEnd(), `${indent}  ${value}`];
    return wrapWithin(value, room).map((line, at) =>
      `${at === 0 ? label : indent + ' '.repeat(width)}  ${line}`.trimEnd(),
    );
  });
}

/** A part's title, set off by an empty line. */
export const heading = (look: Look, text: string): string[] => ['', look.colour.bold(text)];

/** Foreign text at an indent, its lines kept, long ones broken at spaces. */
export const block = (look: Look, text: string, indent: string): string[] =>
  wrapWithin(paragraphs(text).trim(), Math.max(20, look.columns - indent.length)).map((line) =>
    `${indent}${line}`.trimEnd(),
  );
