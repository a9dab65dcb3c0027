import type { CanaryView } from '@millwright/api';
import { clock, duration } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { wrap } from '../text/width.ts';

const VERDICTS = {
  watching: 'being watched',
  healthy: 'healthy',
  degraded: 'degraded',
  inconclusive: 'cannot be judged yet',
} as const;

const rate = ({ requests, errors }: { requests: number; errors: number }): string =>
  `${requests.toLocaleString('en-US')} requests, ${errors.toLocaleString('en-US')} failed`;

/** `10 % of traffic, step 1 of 3, healthy, 18 s left`: on one line, wherever a canary is named. */
export function canaryShort(canary: CanaryView, now: number): string {
  if (canary.ended !== null)
    return canary.ended.as === 'promoted' ? 'promoted: it has all traffic' : 'traffic went back';
  const left =
    canary.until !== null
      ? `goes back in ${duration(canary.until - now)} unless it gets it`
      : canary.endsAt === null
        ? ''
        : `${duration(canary.endsAt - now)} left`;
  const pause =
    canary.paused === null
      ? []
      : [
          `paused by ${oneLine(canary.paused.by)} for ${duration(Math.max(0, canary.paused.until - now))}: ${oneLine(canary.paused.reason)}`,
        ];
  const share =
    canary.percent === 0 ? `about to get ${canary.steps[canary.step - 1]} %` : `${canary.percent} %`;
  return [
    `${share} of traffic`,
    `step ${canary.step} of ${canary.steps.length}`,
    VERDICTS[canary.verdict],
    ...(left === '' || pause.length > 0 ? pause : [left]),
  ].join(', ');
}

/** What a person who watches a canary wants to know: share, step, verdict, figures, time left, and what it needs. */
export function canaryLines(look: Look, canary: CanaryView, now: number, indent = '  '): string[] {
  const { colour } = look;
  const paint = canary.verdict === 'degraded' ? colour.red : canary.ended === null ? colour.cyan : colour.dim;
  const room = Math.max(20, look.columns - indent.length);
  const text = (line: string) => wrap(line, room).map((part) => indent + part);
  const { figures } = canary;
  const said = canary.ended === null ? oneLine(canary.reason) : '';
  return [
    ...text(`canary ${canary.release}: ${canaryShort(canary, now)}`).map(paint),
    ...(said === '' ? [] : text(said)),
    ...(canary.needs === null ? [] : text(`it needs ${oneLine(canary.needs)}`).map(colour.yellow)),
    ...(figures === null
      ? []
      : text(`new: ${rate(figures.new)}${figures.old === null ? '' : `; old: ${rate(figures.old)}`}`).map(
          colour.dim,
        )),
  ];
}

/** Each step that it had, with its verdict. */
export function canaryHistory(look: Look, canary: CanaryView, now: number): string[] {
  return table(
    look,
    [{ title: '', align: 'right' }, { title: '' }, { title: '' }, { title: '', wrapTo: 24 }],
    canary.history.map((step) => [
      `${step.percent} %`,
      { text: step.at === null ? '' : clock(step.at, now), paint: look.colour.dim },
      canary.ended !== null && step.verdict === 'watching'
        ? 'not judged to its end'
        : (VERDICTS[step.verdict as keyof typeof VERDICTS] ?? step.verdict),
      { text: oneLine(step.reason), paint: look.colour.dim },
    ]),
    '  ',
  );
}
