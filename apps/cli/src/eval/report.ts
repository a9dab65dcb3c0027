import type { CaseResult, Comparison, Figures, Interval } from './figures.ts';

const percent = ({ value, low, high }: Interval): string =>
  `${(value * 100).toFixed(0)} % (${(low * 100).toFixed(0)}–${(high * 100).toFixed(0)})`;
const number = ({ value, low, high }: Interval, digits: number, unit = ''): string =>
  `${value.toFixed(digits)}${unit} (${Math.max(0, low).toFixed(digits)}–${high.toFixed(digits)})`;

/** What is reported, a name and its value with its 95 % interval each. */
export const summaryRows = (figures: Figures): [name: string, value: string][] => [
  ['solved', percent(figures.solved)],
  ['wrongly accepted', percent(figures.wronglyAccepted)],
  ['wrongly refused', percent(figures.wronglyRefused)],
  ['cost a case, $', number(figures.usd, 3)],
  ['input tokens', number(figures.inputTokens, 0)],
  ['output tokens', number(figures.outputTokens, 0)],
  ['turns', number(figures.turns, 1)],
  ['sent back', number(figures.sentBack, 1)],
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
    ...(against === null ? [] : ['', comparisonLine(against)]),
  ].join('\n')}\n`;
}

export const comparisonLine = ({
  name,
  both,
  neither,
  onlyFirst,
  onlySecond,
  p,
}: Comparison & { name: string }) =>
  `Against ${name}: both solve ${both}, neither ${neither}; only this one ${onlyFirst.length}${listed(onlyFirst)}, only that one ${onlySecond.length}${listed(onlySecond)}; exact McNemar p = ${p.toFixed(3)}.`;

const listed = (names: readonly string[]): string => (names.length === 0 ? '' : ` (${names.join(', ')})`);

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The three shares as bars with their intervals. */
export function svg(title: string, figures: Figures): string {
  const bars: [string, Interval, string][] = [
    ['solved', figures.solved, '#2e7d32'],
    ['wrongly accepted', figures.wronglyAccepted, '#c62828'],
    ['wrongly refused', figures.wronglyRefused, '#ef6c00'],
  ];
  const x = (share: number): number => 150 + Math.round(share * 300);
  const rows = bars.flatMap(([name, { value, low, high }, colour], index) => {
    const y = 44 + index * 34;
    return [
      `<text x="140" y="${y + 14}" text-anchor="end">${name}</text>`,
      `<rect x="150" y="${y}" width="${x(value) - 150}" height="20" fill="${colour}"/>`,
      `<line x1="${x(low)}" y1="${y + 10}" x2="${x(high)}" y2="${y + 10}" stroke="#222" stroke-width="2"/>`,
      `<text x="460" y="${y + 14}">${escaped(percent({ value, low, high }))}</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 160" font-family="sans-serif" font-size="13">
<text x="10" y="22" font-size="15">${escaped(title)}, ${figures.cases} cases</text>
${rows.join('\n')}
</svg>
`;
}
