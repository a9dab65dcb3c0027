import type { ReleaseView } from '@millwright/api';
import { undoText } from '@millwright/domain';
import { ago, clock, short } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { type Cell, table } from '../text/table.ts';
import { canaryHistory, canaryLines, canaryShort } from './canary.ts';
import { fields, heading } from './fields.ts';
import { wordsOf } from './state.ts';
import { stopLines } from './stop.ts';

function releaseState(look: Look, state: ReleaseView['state']): Cell {
  const { colour, symbol } = look;
  const mark = {
    live: [symbol.running, colour.green],
    previous: [symbol.done, colour.green],
    good: [symbol.done, colour.dim],
    canary: [symbol.running, colour.yellow],
    built: [symbol.waiting, colour.cyan],
    rolled_back: [symbol.back, colour.magenta],
    failed: [symbol.failed, colour.red],
    abandoned: [symbol.failed, colour.dim],
  } as const;
  const [sign, paint] = mark[state];
  return { text: `${sign} ${wordsOf(state)}`, paint };
}

const undoCell = (look: Look, undo: ReleaseView['undo'], now: number): Cell =>
  undo === null
    ? ''
    : { text: oneLine(undoText(undo, now)), paint: undo.possible ? look.colour.dim : look.colour.red };

export function releaseList(look: Look, releases: readonly ReleaseView[], now: number): string[] {
  if (releases.length === 0)
    return ['No releases yet. A repository with `deploy` in its millwright.yaml makes one a merged ticket.'];
  const watched = releases.flatMap(({ canary }) =>
    canary === null || canary.ended !== null ? [] : canaryLines(look, canary, now, ''),
  );
  const rows = table(
    look,
    [
      { title: 'release' },
      { title: 'state' },
      { title: 'repo' },
      { title: 'commit', spare: 5 },
      { title: 'digest', spare: 9 },
      { title: 'tickets', align: 'right', spare: 6 },
      { title: 'address', spare: 1 },
      { title: 'undo', shrinkTo: 12, spare: 3 },
      { title: 'run', spare: 8 },
      { title: 'built', align: 'right', spare: 2 },
    ],
    releases.map((release) => [
      release.id,
      releaseState(look, release.state),
      release.repo,
      short(release.commit),
      short(release.digest),
      String(release.tickets.length),
      release.state === 'live' ? (release.address ?? '') : '',
      undoCell(look, release.undo, now),
      release.run,
      { text: ago(release.createdAt, now), paint: look.colour.dim },
    ]),
  );
  const stops = new Map(releases.map(({ stop }) => [stop?.reason, stop]));
  return [
    ...rows,
    ...(watched.length === 0 ? [] : ['', ...watched]),
    ...[...stops.values()].flatMap((stop) => stopLines(look, stop)),
  ];
}

export function releaseShow(look: Look, release: ReleaseView, now: number): string[] {
  const state = releaseState(look, release.state);
  const headline = typeof state === 'string' ? state : state.paint(state.text);
  return [
    `${headline}  ${look.colour.bold(release.id)}  ${look.colour.dim(release.repo)}`,
    ...stopLines(look, release.stop),
    ...fields(
      look,
      [
        ['digest', release.digest],
        ['layer', release.layer],
        ['provenance', release.provenance],
        ['commit', release.commit],
        ['run', release.run],
        ['tickets', release.tickets.join(', ')],
        ['address', release.address],
        ['canary', release.canary === null ? null : canaryShort(release.canary, now)],
        ['undo', release.undo === null ? null : oneLine(undoText(release.undo, now))],
        ['built', clock(release.createdAt, now)],
      ],
      '  ',
    ),
    ...(release.canary === null
      ? []
      : [
          ...heading(look, 'Canary'),
          ...canaryLines(look, release.canary, now),
          ...canaryHistory(look, release.canary, now),
        ]),
    ...heading(
      look,
      `Holds ${release.commits.length === 1 ? 'one commit' : `${release.commits.length} commits`}`,
    ),
    ...release.commits.map(({ commit, title }) => `  ${look.colour.dim(short(commit))}  ${oneLine(title)}`),
    ...(release.notes === ''
      ? []
      : [
          ...heading(look, 'Notes'),
          ...paragraphs(release.notes)
            .trim()
            .split('\n')
            .map((line) => `  ${line}`),
        ]),
  ];
}
