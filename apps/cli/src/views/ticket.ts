import type { TicketView } from '@millwright/api';
import { nextOf } from '../acts.ts';
import { ago, clock } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { hang } from '../text/width.ts';
import { fields, heading } from './fields.ts';
import { markOf, stateCell, wordsOf } from './state.ts';
import { stopLines } from './stop.ts';

export function ticketList(look: Look, tickets: readonly TicketView[], now: number): string[] {
  if (tickets.length === 0)
    return ['No tickets yet. File one: ./millwright ticket file FILE --repo NAME --follow'];
  const stops = new Map(tickets.map(({ stop }) => [stop?.reason, stop]));
  const rows = table(
    look,
    [
      { title: 'ticket' },
      { title: 'state' },
      { title: 'repo' },
      { title: 'kind', spare: 1 },
      { title: 'title', shrinkTo: 16 },
      { title: 'last run', spare: 3 },
      { title: 'filed', align: 'right', spare: 2 },
    ],
    tickets.map((view) => [
      view.id,
      stateCell(look, view.state),
      view.repo,
      view.ticket.kind,
      oneLine(view.ticket.title),
      view.runs.at(-1) ?? '',
      { text: ago(view.filedAt, now), paint: look.colour.dim },
    ]),
  );
  return [...rows, ...[...stops.values()].flatMap((stop) => stopLines(look, stop))];
}

const indented = (text: string) =>
  paragraphs(text)
    .trim()
    .split('\n')
    .map((line) => `  ${line}`.trimEnd());

/** The planner's question and how to answer it. */
export const questionLines = (look: Look, ticket: string, question: string): string[] => [
  ...heading(look, 'The planner asks'),
  ...indented(question),
  `  ${look.colour.dim('next:')} ./millwright ticket answer ${ticket} "…"`,
];

export function ticketShow(look: Look, view: TicketView, now: number): string[] {
  const { ticket } = view;
  const mark = markOf(look, view.state);
  return [
    `${mark.paint(`${mark.symbol} ${wordsOf(view.state)}`)}  ${look.colour.bold(oneLine(ticket.title))}  ${look.colour.dim(view.id)}`,
    ...stopLines(look, view.stop),
    ...fields(
      look,
      [
        ['repo', view.repo],
        ['kind', ticket.kind],
        ['priority', ticket.priority === undefined ? null : oneLine(ticket.priority)],
        ['labels', ticket.labels.map(oneLine).join(', ')],
        ['filed', `${clock(view.filedAt, now)} by ${oneLine(view.author)}`],
        ['follows', view.follows],
        ['runs', view.runs.join(', ')],
        ['told there', view.outside.map(toldThere).join('; ')],
        ['elsewhere', view.links.map((one) => oneLine(`${one.kind} ${one.id}, ${one.url}`)).join('; ')],
      ],
      '  ',
    ),
    ...(ticket.body === '' ? [] : ['', ...indented(ticket.body)]),
    ...(ticket.acceptance.length === 0
      ? []
      : [...heading(look, 'Acceptance'), ...ticket.acceptance.map((line) => `  - ${oneLine(line)}`)]),
    ...(view.evidence.length === 0
      ? []
      : [...heading(look, 'Why it was reopened'), ...view.evidence.flatMap(indented)]),
    ...(view.question === null ? [] : questionLines(look, view.id, view.question)),
    ...(view.next === null || view.question !== null || view.stop !== null
      ? []
      : [
          '',
          ...hang(
            `${look.colour.dim('next:')} `,
            `the ${view.next.who}: ${oneLine([view.next.text, nextOf(view.next)].filter(Boolean).join(': '))}`,
            look.columns,
          ),
        ]),
  ];
}

const TOLD = {
  session: 'how it stands',
  proposal: 'its pull request',
  issue: 'the issue opened or closed',
} as const;

const toldThere = ({ effect, ended, url, reason, undo }: TicketView['outside'][number]): string =>
  ended === 'done'
    ? `${TOLD[effect]}, ${oneLine(url ?? '')} (to undo: ${undo})`
    : `${TOLD[effect]}: ${ended === 'refused' ? `refused, ${oneLine(reason)}` : 'being told'}`;
