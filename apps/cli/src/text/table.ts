import type { Look } from './look.ts';
import { cut, widthOf } from './width.ts';

/** A cell: its text, uncoloured, and how to paint it once it has been cut and padded. */
export type Cell = string | { text: string; paint: (text: string) => string };

export type Column = {
  title: string;
  align?: 'left' | 'right';
  /** May be cut, down to this many columns, where the terminal is too narrow. A column without it is never cut. */
  shrinkTo?: number;
};

const textOf = (cell: Cell | undefined) =>
  cell === undefined ? '' : typeof cell === 'string' ? cell : cell.text;
const GAP = '  ';

/** Widths of the columns so that a line fits `room`: the widest shrinkable column gives first. */
function fit(columns: readonly Column[], natural: number[], room: number): number[] {
  const widths = [...natural];
  let over = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - room;
  while (over > 0) {
    let widest = -1;
    for (const [at, column] of columns.entries()) {
      const width = widths[at] ?? 0;
      if (column.shrinkTo !== undefined && width > column.shrinkTo && width > (widths[widest] ?? 0))
        widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 1) - 1;
    over -= 1;
  }
  return widths;
}

/**
 * Aligned columns, no frames: what `cut`, `awk` and eyes read equally well. Titles are dim; columns that are empty in every row are left out;
 * nothing is padded at the end of a line.
 */
export function table(
  look: Look,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  indent = '',
): string[] {
  const used = columns.flatMap((column, at) =>
    rows.some((row) => textOf(row[at]) !== '') ? [{ column, at }] : [],
  );
  const natural = used.map(({ column, at }) =>
    Math.max(widthOf(column.title), ...rows.map((row) => widthOf(textOf(row[at])))),
  );
  const widths = fit(
    used.map(({ column }) => column),
    natural,
    look.columns - indent.length,
  );
  const line = (cells: readonly Cell[]) =>
    indent +
    used
      .map(({ column }, place) => {
        const cell = cells[place] ?? '';
        const text = cut(textOf(cell), widths[place] ?? 0, look.symbol.ellipsis);
        const painted = typeof cell === 'string' || text === '' ? text : cell.paint(text);
        const padding = ' '.repeat(Math.max(0, (widths[place] ?? 0) - widthOf(text)));
        if (column.align === 'right') return padding + painted;
        return place === used.length - 1 ? painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  const titles = used.map(({ column }) => ({ text: column.title, paint: look.colour.dim }));
  const head = used.some(({ column }) => column.title !== '') ? [line(titles)] : [];
  return [...head, ...rows.map((row) => line(used.map(({ at }) => row[at] ?? '')))];
}
