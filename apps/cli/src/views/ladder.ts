import type { CriterionView, LadderView } from '@millwright/api';
import { date } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { table } from '../text/table.ts';

type Place = LadderView['places'][number];

const entriesOf = ({ positions, entries }: CriterionView): string => {
  if (entries === 0) return '';
  const last = positions.slice(-3).join(', ');
  return entries > 3 ? `${last} and ${entries - 3} more` : last;
};
const figureOf = ({ figure, attested }: CriterionView): string =>
  oneLine(
    attested === null
      ? figure
      : `${figure} by ${attested.by} until ${date(attested.until)}: ${attested.evidence}`,
  );

/** What a repository's next step needs, a line a criterion, and what helps with those that nobody attested. */
export function criteriaLines(look: Look, { repo, step, next, criteria }: Place): string[] {
  const { dim, green, red, yellow } = look.colour;
  const paint = { met: green, unmet: red, unknown: yellow };
  const met = criteria.filter(({ state }) => state === 'met').length;
  const unsaid = criteria.find(({ how, state }) => state === 'unknown' && how.startsWith('attested'));
  return [
    '',
    `${repo}, ${next === null ? `to stay at step ${step}` : `to reach step ${next}`}: ${met} of ${criteria.length} met`,
    '',
    ...table(
      look,
      [
        { title: '' },
        { title: 'criterion' },
        { title: 'entries', spare: 1 },
        { title: 'figure', wrapTo: 30 },
      ],
      criteria.map((one) => [
        { text: one.state, paint: paint[one.state] },
        one.id,
        { text: entriesOf(one), paint: dim },
        `${one.says}: ${figureOf(one)}`,
      ]),
    ),
    ...(unsaid === undefined
      ? []
      : [
          '',
          `Say what is known: ./millwright autonomy attest ${unsaid.id} --repo ${repo} --evidence "…" --for 90d`,
        ]),
  ];
}

export const attestedLines = (criterion: CriterionView): string[] => [
  `${criterion.id} (${criterion.says}) is ${criterion.state}: ${figureOf(criterion)}.`,
];

/** What of a line would be Markdown of its own, or another cell. */
const plain = (text: string): string => oneLine(text).replace(/([\\`*_[\]<>#|])/g, '\\$1');
const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
const nameOf = ({ unit, repo }: Place): string => (repo === null ? `unit ${unit}` : `${repo} (unit ${unit})`);

/** The ladder as Markdown: where all stand, what each needs next, and all steps. */
export function ladderReport({ at, steps, places }: LadderView): string[] {
  const nameOfStep = (step: number): string => `${step}, ${steps[step]?.name ?? ''}`;
  return [
    `# The autonomy ladder, ${date(at)}`,
    '',
    'A criterion is met, unmet or unknown; unknown never counts as met. Figures are read from the trail, by their entries; what the trail cannot see is attested by a person.',
    '',
    '## Where we stand',
    '',
    row('', 'step', 'next', 'met', 'unmet', 'unknown'),
    row('---', '---', '---', '---:', '---:', '---:'),
    ...places.map((place) => {
      const count = (state: CriterionView['state']) =>
        String(place.criteria.filter((one) => one.state === state).length);
      return row(
        plain(nameOf(place)),
        place.step === null ? 'no repository' : nameOfStep(place.step),
        place.next === null ? '' : nameOfStep(place.next),
        ...[count('met'), count('unmet'), count('unknown')],
      );
    }),
    ...places
      .filter(({ step }) => step !== null)
      .flatMap((place) => [
        '',
        `## ${plain(nameOf(place))}: ${place.next === null ? `what has to hold at step ${place.step}` : `to reach step ${place.next}`}`,
        '',
        row('criterion', 'state', 'figure', 'how', 'entries'),
        row('---', '---', '---', '---', '---'),
        ...place.criteria.map((one) =>
          row(plain(one.says), one.state, plain(figureOf(one)), plain(one.how), entriesOf(one)),
        ),
      ]),
    '',
    '## The steps',
    '',
    row('step', 'machines', 'people', 'to reach the next'),
    row('---', '---', '---', '---'),
    ...steps.map(({ step, machines, people, criteria }) =>
      row(
        nameOfStep(step),
        plain(machines),
        plain(people),
        plain(criteria.map(({ says }) => says).join('; ')),
      ),
    ),
  ];
}
