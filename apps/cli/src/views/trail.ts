import type { TrailLine } from '@millwright/api';
import { date, timeOfDay } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { cut, widthOf, wrap } from '../text/width.ts';

type Mark = { symbol: string; paint: (text: string) => string };

function markOf({ colour, symbol }: Look, line: TrailLine): Mark {
  switch (line.result) {
    case 'done':
      return { symbol: symbol.done, paint: colour.green };
    case 'failed':
      return { symbol: symbol.failed, paint: colour.red };
    case 'waiting':
      return { symbol: symbol.waiting, paint: colour.yellow };
    case 'under_way':
      return { symbol: symbol.running, paint: colour.cyan };
    case 'unknown':
      return { symbol: '?', paint: colour.yellow };
    case 'noted':
      return { symbol: ' ', paint: colour.dim };
  }
}

/** Acts on the outside, of which a reader wants to know at once who allowed them. Of all others `--json` says it. */
const ALLOWED = new Set(['merge.started', 'deploy.started', 'target.released']);

function accountOf(line: TrailLine): string {
  const { allowedBy } = line;
  const allowed =
    allowedBy !== null && ALLOWED.has(line.type)
      ? ` (allowed by ${allowedBy.policies.join(', ') || allowedBy.gate}, entry ${allowedBy.position})`
      : '';
  return oneLine(line.text) + allowed;
}

/**
 * The trail as an account to read. On a terminal a heading wherever day, repository or run change, and sentences that go on under their own
 * column: nothing is cut. Elsewhere a line an entry, its parts set off by tabs, with all that the headings say: for grep, cut and awk.
 */
export class TrailAccount {
  readonly #look: Look;
  #heading = '';
  #empty = true;

  constructor(look: Look) {
    this.#look = look;
  }

  /** The next lines, in the order of the trail. */
  lines(lines: readonly TrailLine[]): string[] {
    if (lines.length > 0) this.#empty = false;
    if (!this.#look.terminal) return lines.map(tabbed);
    const width = Math.max(...lines.map((line) => widthOf(oneLine(line.who.name))), 7);
    return lines.flatMap((line) => [...this.#head(line), ...this.#told(line, Math.min(width, 16))]);
  }

  /** What is said at the end: that there was nothing. */
  end(): string[] {
    return this.#empty && this.#look.terminal ? ['No entries there.'] : [];
  }

  #head(line: TrailLine): string[] {
    const { colour, symbol } = this.#look;
    const text = [date(line.at), line.repo, line.run].filter((part) => part !== null).join(` ${symbol.dot} `);
    if (text === this.#heading) return [];
    const first = this.#heading === '';
    this.#heading = text;
    return [...(first ? [] : ['']), colour.bold(text)];
  }

  #told(line: TrailLine, width: number): string[] {
    const { colour, columns, symbol } = this.#look;
    const mark = markOf(this.#look, line);
    const before = `${String(line.position).padStart(7)}  ${timeOfDay(line.at)}  `;
    const indent = before.length + width + 4;
    const [told = '', ...more] = wrap(accountOf(line), Math.max(20, columns - indent));
    const paint = line.result === 'failed' || line.result === 'unknown' ? mark.paint : (text: string) => text;
    const name = cut(oneLine(line.who.name), width, symbol.ellipsis);
    const actor = line.who.kind === 'person' ? colour.bold(name) : name;
    return [
      `${colour.dim(before)}${actor}${' '.repeat(Math.max(0, width - widthOf(name)))}  ${mark.paint(mark.symbol)} ${paint(told)}`,
      ...more.map((text) => ' '.repeat(indent) + paint(text)),
    ];
  }
}

const tabbed = (line: TrailLine): string =>
  [
    line.position,
    new Date(line.at).toISOString(),
    line.repo ?? '-',
    line.run ?? '-',
    oneLine(line.who.name),
    line.type,
    line.result,
    accountOf(line),
  ].join('\t');
