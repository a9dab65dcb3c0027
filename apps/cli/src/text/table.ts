import type { Look } from './look.ts';
import { cut, widthOf, wrapWithin } from './width.ts';

/** A cell: its text, uncoloured, and how to paint it once it has been cut and padded. */
export type Cell = string | { text: string; paint: (text: string) => string };

export type Column = {
  title: string;
  align?: 'left' | 'right';
  /** May be cut, down to this many columns, where the terminal is too narrow. A column without it is never cut. */
  shrinkTo?: number;
  /** May be wrapped at spaces, down to this many columns, instead of being cut. At most one column of a table: the last. */
  wrapTo?: number;
  /** Left out where even the narrowest table is too wide; the highest number goes first. */
  spare?: number;
};

const textOf = (cell: Cell | undefined) =>
  cell === undefined ? '' : typeof cell === 'string' ? cell : cell.text;
const GAP = '  ';

type Used = { column: Column; at: number; natural: number };

const least = ({ column, natural }: Used): number =>
  Math.min(natural, column.shrinkTo ?? column.wrapTo ?? natural);
const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);

/** The columns that there is room for, spare ones left out while the rest is too wide at its narrowest. */
function fitting(used: readonly Used[], room: number): Used[] {
  let kept = [...used];
  while (total(kept.map(least)) > room) {
    const spare = kept.reduce<Used | null>(
      (most, one) =>
        one.column.spare !== undefined && one.column.spare > (most?.column.spare ?? -1) ? one : most,
      null,
    );
    if (spare === null) return kept;
    kept = kept.filter((one) => one !== spare);
  }
  return kept;
}

/** Widths of the columns so that a line fits `room`: the widest column that may give gives first. */
function fit(columns: readonly Used[], room: number): number[] {
  const widths = columns.map(({ natural }) => natural);
  for (let over = total(widths) - room; over > 0; over -= 1) {
    let widest = -1;
    for (const [at, column] of columns.entries()) {
      const width = widths[at] ?? 0;
      if (width > least(column) && width > (widths[widest] ?? 0)) widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
}

/**
 * Aligned columns, no frames: what `cut`, `awk` and eyes read equally well. Titles are dim; columns that are empty in every row are left out,
 * and spare ones where there is no room; nothing is padded at the end of a line, and no word is broken.
 */
export function table(
  look: Look,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  indent = '',
): string[] {
  const room = look.columns - indent.length;
  const filled = columns.flatMap((column, at): Used[] =>
    rows.some((row) => textOf(row[at]) !== '')
      ? [
          {
            column,
            at,
            natural: Math.max(widthOf(column.title), ...rows.map((row) => widthOf(textOf(row[at])))),
          },
        ]
      : [],
  );
  const used = fitting(filled, room);
  const widths = fit(used, room);
  const line = (cells: readonly Cell[]): string[] => {
    const parts = used.map(({ column }, place) => {
      const width = widths[place] ?? 0;
      const text = textOf(cells[place]);
      return column.wrapTo === undefined ? [cut(text, width, look.symbol.ellipsis)] : wrapWithin(text, width);
    });
    const height = Math.max(1, ...parts.map((part) => part.length));
    return Array.from({ length: height }, (_, row) =>
      (
        indent +
        used
          .map(({ column }, place) => {
            const cell = cells[place] ?? '';
            const text = parts[place]?.[row] ?? '';
            const painted = typeof cell === 'string' || text === '' ? text : cell.paint(text);
            const padding = ' '.repeat(Math.max(0, (widths[place] ?? 0) - widthOf(text)));
            if (column.align === 'right') return padding + painted;
            return place === used.length - 1 ? painted : painted + padding;
          })
          .join(GAP)
      ).trimEnd(),
    );
  };
  const titles = used.map(({ column }) => ({ text: column.title, paint: look.colour.dim }));
  const head = used.some(({ column }) => column.title !== '') ? line(titles) : [];
  return [...head, ...rows.flatMap((row) => line(used.map(({ at }) => row[at] ?? '')))];
}
