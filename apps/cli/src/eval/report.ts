import type { CaseResult, Comparison, Count, Figures, Interval } from './figures.ts';

const percent = ({ value, low, high }: Interval): string =>
  `${(value * 100).toFixed(0)} % (${(low * 100).toFixed(0)}–${(high * 100).toFixed(0)})`;
const number = ({ value, low, high }: Interval, digits: number, unit = ''): string =>
  `${value.toFixed(digits)}${unit} (${Math.max(0, low).toFixed(digits)}–${high.toFixed(digits)})`;
const counted = (told: Count): string =>
  told.of === 0 ? 'none' : `${told.count} of ${told.of}, ${percent(told)}`;

/** What is reported, a name and its value with its 95 % interval each. */
export const summaryRows = (figures: Figures): [name: string, value: string][] => [
  ['solved', percent(figures.solved)],
  ['wrongly accepted', percent(figures.wronglyAccepted)],
  ['wrongly refused', percent(figures.wronglyRefused)],
  ['cost a case, $', number(figures.usd, 3)],
  ['input tokens', number(figures.inputTokens, 0)],
  ['output tokens', number(figures.outputTokens, 0)],
  ['turns', number(figures.turns, 1)],
  ['calls of models', number(figures.calls, 1)],
  ['sent back', number(figures.sentBack, 1)],
  ['changes sent back rightly', counted(figures.sentBackRightly)],
  ['changes sent back wrongly', counted(figures.sentBackWrongly)],
  ['changes sent back, unknown', String(figures.sentBackUnknown)],
  ['time', number(figures.seconds, 0, ' s')],
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

export function markdown(
  title: string,
  results: readonly CaseResult[],
  figures: Figures,
  against: (Comparison & { name: string }) | null,
): string {
  const rows = results.map(
    (one) =>
      `| ${cell(one.name)} | ${one.verdict.replace('_', ' ')} | ${cell(one.why)} | ${one.usd.toFixed(3)} | ${one.turns} | ${Math.round(one.ms / 1_000)} |`,
  );
  return `${[
    `# ${title}`,
    '',
    `${figures.cases} cases; in brackets the 95 % interval.`,
    '',
    '| | |',
    '|---|---|',
    ...summaryRows(figures).map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '| case | | why | $ | turns | s |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(against === null ? [] : ['', comparisonLine(title, against)]),
  ].join('\n')}\n`;
}

type Against = Comparison & { name: string };

export const comparisonLine = (
  first: string,
  { name, both, neither, onlyFirst, onlySecond, p }: Against,
): string =>
  `${first} against ${name}: both solve ${both}, neither ${neither}; only ${first} ${onlyFirst.length}${listed(onlyFirst)}, only ${name} ${onlySecond.length}${listed(onlySecond)}; exact McNemar p = ${p.toFixed(3)}.`;

const listed = (names: readonly string[]): string => (names.length === 0 ? '' : ` (${names.join(', ')})`);

/** What is reported of each of two, beside each other. */
export const besideRows = (first: Figures, second: Figures): string[][] =>
  summaryRows(first).map(([name, value], index) => [name, value, summaryRows(second)[index]?.[1] ?? '']);

function signed({ value, low, high }: Interval, digits: number): string {
  const [is, from, to] = [value, low, high].map((one) => `${one > 0 ? '+' : ''}${one.toFixed(digits)}`);
  return `${is} (${from} to ${to})`;
}

/** What the first took more a case than the second, with the 95 % interval of the mean of the differences. */
export const differenceRows = ({ more }: Comparison): [name: string, value: string][] => [
  ['more cost a case, $', signed(more.usd, 3)],
  ['more input tokens', signed(more.inputTokens, 0)],
  ['more turns', signed(more.turns, 1)],
  ['more time, s', signed(more.seconds, 0)],
];

type Told = { name: string; results: CaseResult[]; figures: Figures };

export function comparisonMarkdown(first: Told, second: Told, compared: Against): string {
  const other = new Map(second.results.map((one) => [one.name, one.verdict]));
  const said = (verdict: string | undefined) => verdict?.replace('_', ' ') ?? 'not run';
  return `${[
    `# ${first.name} and ${second.name}`,
    '',
    comparisonLine(first.name, compared),
    '',
    `| | ${cell(first.name)} | ${cell(second.name)} |`,
    '|---|---|---|',
    ...besideRows(first.figures, second.figures).map((row) => `| ${row.join(' | ')} |`),
    '',
    `${first.name} took, of the cases that both have:`,
    '',
    '| | |',
    '|---|---|',
    ...differenceRows(compared).map((row) => `| ${row.join(' | ')} |`),
    '',
    `| case | ${cell(first.name)} | ${cell(second.name)} |`,
    '|---|---|---|',
    ...first.results.map(
      (one) => `| ${cell(one.name)} | ${said(one.verdict)} | ${said(other.get(one.name))} |`,
    ),
  ].join('\n')}\n`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const COLOURS = { solved: '#2e7d32', wronglyAccepted: '#c62828', wronglyRefused: '#ef6c00' } as const;
const WORDS = {
  solved: 'solved',
  wronglyAccepted: 'wrongly accepted',
  wronglyRefused: 'wrongly refused',
} as const;

/** The three shares as bars with their intervals, of each of these beside each other; the name of one alone is empty. */
export function svg(title: string, all: readonly { name: string; figures: Figures }[]): string {
  const x = (share: number): number => 230 + Math.round(share * 300);
  const bars = (['solved', 'wronglyAccepted', 'wronglyRefused'] as const).flatMap((what) =>
    all.map(({ name, figures }) => ({ what, name, share: figures[what] })),
  );
  const rows = bars.flatMap(({ what, name, share }, index) => {
    const y = 44 + index * 30;
    const label = name === '' ? WORDS[what] : `${WORDS[what]}, ${name}`;
    return [
      `<text x="220" y="${y + 14}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="230" y="${y}" width="${x(share.value) - 230}" height="20" fill="${COLOURS[what]}"/>`,
      `<line x1="${x(share.low)}" y1="${y + 10}" x2="${x(share.high)}" y2="${y + 10}" stroke="#222" stroke-width="2"/>`,
      `<text x="540" y="${y + 14}">${escaped(percent(share))}</text>`,
    ];
  });
  const cases = [...new Set(all.map(({ figures }) => figures.cases))].join(' and ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 ${54 + bars.length * 30}" font-family="sans-serif" font-size="13">
<text x="10" y="22" font-size="15">${escaped(title)}, ${cases} cases</text>
${rows.join('\n')}
</svg>
`;
}
