import type { ComingRelease, ReleaseHealth, RollbackStatus, RollbackView } from '@millwright/api';
import { commandOf, stepsOf } from '../acts.ts';
import { ago, duration } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { type Cell, table } from '../text/table.ts';
import { hang } from '../text/width.ts';
import { block, fields, heading } from './fields.ts';
import { freezeText, stopLines } from './stop.ts';

type Served = RollbackStatus['candidates'][number];

function healthCell({ colour }: Look, health: ReleaseHealth): Cell {
  switch (health) {
    case 'serves':
      return { text: 'serves', paint: colour.green };
    case 'runs':
      return { text: 'runs, warm', paint: colour.green };
    case 'stopped':
      return { text: 'stopped, image there', paint: colour.dim };
    case 'gone':
      return { text: 'gone', paint: colour.red };
    case 'unknown':
      return { text: 'unknown', paint: colour.yellow };
  }
}

const ticketsOf = (served: Served): string =>
  served.tickets.map(({ id, title }) => oneLine(`${title} (${id})`)).join(', ');

const releaseRows = (look: Look, all: readonly Served[], now: number, numbered: boolean): Cell[][] =>
  all.map((served, place) => [
    numbered ? `${place + 1}` : place === 0 ? look.symbol.back : '',
    served.release,
    { text: ago(served.servedAt, now), paint: look.colour.dim },
    healthCell(look, served.health),
    ticketsOf(served),
  ]);

const COLUMNS = [
  { title: '' },
  { title: 'release' },
  { title: 'served', align: 'right' },
  { title: 'health' },
  { title: 'tickets', shrinkTo: 16 },
] as const;

/** What a person at a terminal picks from. */
export const rollbackOffers = (look: Look, status: RollbackStatus, now: number): string[] => [
  `${status.repo} is served by ${look.colour.bold(status.live?.release ?? 'nothing')}. It can go back to:`,
  ...table(look, [...COLUMNS], releaseRows(look, status.candidates, now, true)),
];

/** What a rollback changes, or changed. */
export function rollbackPlan(look: Look, view: RollbackView): string[] {
  const { colour, symbol } = look;
  const part = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? []
      : [...heading(look, title), ...lines.flatMap((line) => hang('  ', oneLine(line), look.columns))];
  const nothing = (lines: readonly string[]) => (lines.length === 0 ? ['nothing changes'] : lines);
  return [
    `${colour.magenta(symbol.back)} ${view.repo}: ${view.from} ${symbol.arrow} ${colour.bold(view.to ?? 'nobody')}`,
    ...(view.text === '' ? [] : block(look, oneLine(view.text), '  ')),
    ...(view.revert === null ? [] : [`  ${colour.dim('revert')} ${view.revert}`]),
    ...(view.plan === null
      ? []
      : [
          ...part('Traffic', view.plan.traffic),
          ...part('Code', view.plan.code),
          ...part('Schema', nothing(view.plan.schema)),
          ...part('Configuration', nothing(view.plan.configuration)),
        ]),
  ];
}

const UNDO = {
  allow: 'allowed',
  deny: 'denied',
  needs_approval: 'waits for an approver',
  started: 'on its way',
  promoted: 'serves again',
  rolled_back: 'rolled back again',
  failed: 'not deployed',
} as const;

/** What serves, what a rollback may go to (the first without an argument), and what is in the way of going forward. */
export function rollbackStatus(look: Look, all: readonly RollbackStatus[], now: number): string[] {
  if (all.length === 0) return ['No repositories yet. Add one: ./millwright repo add PATH'];
  return all.flatMap((status, place) => [...(place === 0 ? [] : ['']), ...one(look, status, now)]);
}

function one(look: Look, status: RollbackStatus, now: number): string[] {
  const { colour } = look;
  const { live, frozen, undo, stop } = status;
  // What stops it may be the freeze that is told below.
  const ofFreeze = frozen !== null && stop?.at === frozen.at;
  return [
    ...(live === null
      ? [`${colour.bold(status.repo)}  ${colour.dim('nothing is live')}`]
      : hang(
          `${colour.bold(status.repo)}  `,
          `${live.release}, since ${ago(live.servedAt, now)}, ${ticketsOf(live)}`,
          look.columns,
        ).map((line) => line.replace(live.release, colour.green))),
    ...stopLines(look, ofFreeze ? null : stop),
    ...fields(
      look,
      [
        ['canary', status.canary === null ? null : canaryText(status.canary, now)],
        [
          'frozen',
          frozen === null ? null : [frozen, ...frozen.also].map((one) => freezeText(one, now)).join('\n'),
        ],
        ['do', frozen === null || frozen.what === '' ? null : paragraphs(frozen.what)],
        [
          'next',
          frozen !== null && frozen.acts.length > 0
            ? stepsOf(frozen).join('\n')
            : ofFreeze && stop !== null
              ? commandOf(stop.next)
              : null,
        ],
        ['called', frozen?.by === 'factory' ? called(frozen.paged) : null],
        [
          'undo',
          undo === null
            ? null
            : `${undo.release} ${UNDO[undo.state]} ${ago(undo.at, now)} ${oneLine(undo.text.split('\n')[0] ?? '')}`,
        ],
      ],
      '  ',
    ),
    ...(status.candidates.length === 0
      ? live === null
        ? []
        : [`  ${colour.dim('there is nothing to go back to')}`]
      : [
          ...heading(look, 'A rollback goes to'),
          ...table(look, [...COLUMNS], releaseRows(look, status.candidates, now, false), '  '),
        ]),
  ];
}

/** `rel_… has 10 % of traffic for 12 s (steps 10, 50, 100 %), its bake ends in 18 s; a rollback takes it back`. */
function canaryText(canary: ComingRelease, now: number): string {
  const { release, percent, steps, since, until, paused, held } = canary;
  if (held !== null) return `${release} waits, without traffic: ${oneLine(held)}`;
  if (percent === 0) return `${release} is being started, without traffic`;
  const end =
    until === null
      ? ''
      : paused === null
        ? `, its bake ends in ${duration(Math.max(0, until - now))}`
        : `, paused by ${oneLine(paused.by)} for ${duration(Math.max(0, until - now))}: ${oneLine(paused.reason)}`;
  return `${release} has ${percent} % of traffic for ${duration(now - since)} (steps ${steps.join(', ')} %)${end}; a rollback takes it back`;
}

function called(paged: NonNullable<RollbackStatus['frozen']>['paged']): string {
  switch (paged) {
    case null:
      return 'somebody is being called';
    case 'sent':
      return 'a person was called';
    case 'failed':
      return 'nobody could be called';
    case 'nobody':
      return 'nobody: MILLWRIGHT_PAGE_URL is not set';
  }
}
