import type { BlameView } from '@millwright/api';
import { ago } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { fields } from './fields.ts';

/** From a line back to who asked for it. */
export function blameLines(look: Look, view: BlameView, now: number): string[] {
  const { run } = view;
  return [
    `${look.colour.dim(`${oneLine(view.file)}:${view.line}`)}  ${oneLine(view.text)}`,
    '',
    ...fields(
      look,
      [
        ['commit', `${view.commit.slice(0, 10)} ${oneLine(view.title)}`],
        ['by', `${oneLine(view.author)}, ${ago(view.at, now)}`],
        ...(run === null
          ? ([['run', 'none: no run of this factory brought it']] as [string, string][])
          : ([
              ['ticket', `${run.ticket} ${oneLine(run.title)}, filed by ${oneLine(run.filedBy)}`],
              ['run', run.id],
              ...run.gates.map(({ id, action, reason, approvals }) => [
                action,
                `${oneLine(reason)}${approvals.length === 0 ? '' : ` (allowed by ${approvals.map(oneLine).join(', ')})`}  ${id}`,
              ]),
              [
                'release',
                run.release === null
                  ? 'none'
                  : `${run.release.id} ${(run.release.result ?? 'built').replaceAll('_', ' ')}`,
              ],
            ] as [string, string][])),
      ],
      '  ',
    ),
    ...(run === null ? [] : ['', `${look.colour.dim('next:')} ./millwright run why ${run.id}`]),
  ];
}
