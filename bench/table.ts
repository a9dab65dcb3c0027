import { aimsHigh, meets, type Row, ratio } from './row.ts';

const HEAD = ['what', 'times its peer', 'p50', 'p99', 'n', 'peer', 'peer p50', 'peer p99', 'aim', 'met'];

export function number(value: number): string {
  if (value >= 10_000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

const withUnit = (value: number, unit: Row['unit']) =>
  unit === '/s' ? `${number(value)}/s` : `${number(value)} ${unit}`;

function cells(row: Row): string[] {
  const better = ratio(row);
  const met = meets(row);
  const { ours, peer, unit, aim } = row;
  return [
    row.what,
    better === null ? '' : `× ${number(better)}`,
    withUnit(ours.p50, unit),
    ours.n > 1 ? withUnit(ours.p99, unit) : '',
    String(ours.n),
    peer?.name ?? '',
    peer === undefined ? '' : withUnit(peer.spread.p50, unit),
    peer === undefined || peer.spread.n === 1 ? '' : withUnit(peer.spread.p99, unit),
    aim === undefined ? '' : `${aimsHigh(unit) ? '≥' : '≤'} ${withUnit(aim, unit)}`,
    met === null ? '' : met ? 'yes' : 'no',
  ];
}

/** Markdown, aligned so that it reads as plain text too. Ratios first, absolute numbers after. */
export function table(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const draw = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = lines;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [draw(head), rule, ...body.map(draw)].join('\n');
}

export const notes = (rows: readonly Row[]): string =>
  rows
    .filter((row) => row.note !== undefined)
    .map((row) => `- ${row.what}: ${row.note}`)
    .join('\n');
