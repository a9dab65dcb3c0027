import type { Look } from '../text/look.ts';
import { widthOf, wrap } from '../text/width.ts';

export type Field = [name: string, value: string | null];

/** Aligned `name  value` lines; fields without a value are left out, long values continue under their own column. */
export function fields(look: Look, all: readonly Field[], indent = ''): string[] {
  const given = all.filter((field): field is [string, string] => field[1] !== null && field[1] !== '');
  const width = Math.max(0, ...given.map(([name]) => widthOf(name)));
  const room = Math.max(20, look.columns - indent.length - width - 2);
  return given.flatMap(([name, value]) =>
    wrap(value, room).map((line, at) =>
      `${indent}${at === 0 ? look.colour.dim(name.padEnd(width)) : ' '.repeat(width)}  ${line}`.trimEnd(),
    ),
  );
}

/** A part's title, set off by an empty line. */
export const heading = (look: Look, text: string): string[] => ['', look.colour.bold(text)];
