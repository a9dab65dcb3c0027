import type { DigestLine, DigestView } from '@millwright/api';
import { commandOf } from '../acts.ts';
import { date, money, timeOfDay } from '../text/format.ts';
import { oneLine } from '../text/plain.ts';

const minute = (at: number): string => `${date(at)} ${timeOfDay(at).slice(0, 5)}`;
/** What of a line would be Markdown of its own. */
const plain = (text: string): string => oneLine(text).replace(/([\\`*_[\]<>#|])/g, '\\$1');
const usd = (amount: number): string => money(amount) || '$0';

const line = ({ position, repo, title, text }: DigestLine): string => {
  const what = [repo ?? 'the factory', ...(title === null ? [] : [plain(title)])].join(', ');
  return `- ${what}: ${plain(text)} (entry ${position})`;
};
const section = (title: string, lines: readonly string[]): string[] => [
  '',
  `## ${title}`,
  '',
  ...(lines.length === 0 ? ['Nothing.'] : lines),
];

/** A digest as Markdown, a line a thing, each with its position on the trail. */
export function digestText({ from, to, needsYou, broke, shipped, running, spent }: DigestView): string[] {
  return [
    `# From ${minute(from)} to ${minute(to)}`,
    ...section(
      'Needs you',
      needsYou.flatMap((one) => [
        line(one),
        ...one.acts.map((act) => `  - as ${one.who}: \`${commandOf(act)}\``),
      ]),
    ),
    ...section('Broke or rolled back', broke.map(line)),
    ...section('Shipped', shipped.map(line)),
    ...section('Running', running.map(line)),
    ...section(
      'Spent',
      spent.repos.length === 0
        ? []
        : [
            `${usd(spent.usd)} in all.`,
            '',
            ...spent.repos.map(
              ({ repo, usd: of, stages, position }) =>
                `- ${repo}: ${usd(of)} on ${stages} ${stages === 1 ? 'stage' : 'stages'} (last: entry ${position})`,
            ),
          ],
    ),
  ];
}
