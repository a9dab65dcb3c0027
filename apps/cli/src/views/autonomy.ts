import { type RepoView, STEP_NAMES } from '@millwright/api';
import { ago } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { table } from '../text/table.ts';
import { NO_REPOSITORIES } from './setup.ts';

type Demoted = RepoView['demoted'][number];

const why = ({ release, served, needed, step, upTo }: Demoted): string =>
  [
    ...(release === null ? [] : [`${release} was rolled back; ${served} of ${needed} releases served since`]),
    ...(step < upTo ? [`a person set it lower than ${upTo}`] : []),
  ].join('; ');

/** A line a repository, one below it for each kind of change that is at a lower step, and how to raise those that have earned it. */
export function autonomyList(look: Look, repos: readonly RepoView[], now: number): string[] {
  if (repos.length === 0) return [NO_REPOSITORIES];
  const { dim } = look.colour;
  const rows = repos.flatMap(({ name, step, demoted }) => [
    [name, 'all', String(step), STEP_NAMES[step] ?? '', '', ''],
    ...demoted.map((one) => [
      '',
      one.kind,
      String(one.step),
      STEP_NAMES[one.step] ?? '',
      why(one),
      { text: ago(one.since, now), paint: dim },
    ]),
  ]);
  const raises = repos.flatMap(({ name, demoted }) =>
    demoted
      .filter((one) => one.earned !== null)
      .map(
        ({ kind, earned }) =>
          `${kind} changes of ${name} have earned step ${earned}: ./millwright autonomy set ${earned} --repo ${name} --kind ${kind} --reason "…"   ${dim('(an administrator who filed none of their tickets)')}`,
      ),
  );
  const plain = rows.every((row) => row[1] === 'all');
  return [
    ...table(
      look,
      [
        { title: 'repo' },
        { title: 'changes' },
        { title: 'step', align: 'right' as const },
        { title: 'name' },
        ...(plain
          ? []
          : [
              { title: 'why', shrinkTo: 30 },
              { title: 'since', align: 'right' as const },
            ]),
      ],
      plain ? rows.map((row) => row.slice(0, 4)) : rows,
    ),
    ...(raises.length === 0 ? [] : ['', ...raises]),
  ];
}
