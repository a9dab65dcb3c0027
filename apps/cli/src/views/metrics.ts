import type { MetricsView } from '@millwright/api';
import { date, duration, money } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { table } from '../text/table.ts';

type Rate = MetricsView['autonomy'];
type Quantiles = MetricsView['recovery'];

const NONE = 'none yet';
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const rate = ({ n, of, rate: is }: Rate): string => (is === null ? NONE : `${percent(is)}   ${n} of ${of}`);
const time = (ms: number | null): string => (ms === null ? '' : duration(ms));
const times = ({ n, p50, p90 }: Quantiles): string =>
  n === 0 ? NONE : `${time(p50)}   90 % within ${time(p90)}   n ${n}`;
const DAY_MS = 86_400_000;

/** The figures, kinds of change, and stages, the longest first; of how many each is. */
export function metricsText(look: Look, figures: MetricsView): string[] {
  const { dim } = look.colour;
  const { deployments, kinds, stages, bottleneck } = figures;
  const days = (figures.to - figures.from) / DAY_MS;
  const rows: [string, string, string][] = [
    [
      'deployments',
      `${deployments.n}   ${deployments.perDay.toFixed(2)} a day`,
      'came to serve, or were merged',
    ],
    ['change lead time', times(figures.changeLead), 'from the first change to serving'],
    ['change failure', rate(figures.changeFailure), 'deploys that did not stay'],
    ['recovery', times(figures.recovery), 'until users were back'],
    ['rework', rate(figures.rework), 'deployments that mend what shipped'],
    ['autonomy', rate(figures.autonomy), 'done without a person, and stayed'],
    ['self-healing', rate(figures.selfHealing), 'of what serves'],
  ];
  const right = (title: string) => ({ title, align: 'right' as const });
  return [
    `From ${date(figures.from)} to ${date(figures.to)}, ${days < 1.5 ? duration(figures.to - figures.from) : `${Math.round(days)} days`}`,
    '',
    ...table(
      look,
      [{ title: '' }, { title: '' }, { title: '', spare: 1 }],
      rows.map(([name, value, meaning]) => [name, value, { text: meaning, paint: dim }]),
    ),
    ...(kinds.length === 0
      ? []
      : [
          '',
          ...table(
            look,
            [{ title: 'kind' }, ...['ended', 'done', 'cost', 'a done one', 'lead', '90 %', 'n'].map(right)],
            kinds.map(({ kind, ended, done, usd, usdPerDone, lead }) => [
              ...[kind, String(ended), String(done), money(usd)],
              usdPerDone === null ? '' : money(usdPerDone),
              ...[time(lead.p50), time(lead.p90), String(lead.n)],
            ]),
          ),
        ]),
    ...(stages.length === 0
      ? []
      : [
          '',
          ...table(
            look,
            [{ title: 'stage' }, ...['n', 'waits', '90 %', 'works', '90 %', 'in all'].map(right)],
            stages.map(({ stage, n, waiting, working, waitingMs, workingMs }) => [
              ...[stage, String(n), time(waiting.p50), time(waiting.p90)],
              ...[time(working.p50), time(working.p90), time(waitingMs + workingMs)],
            ]),
          ),
        ]),
    ...(bottleneck === null
      ? []
      : [
          '',
          `Most time goes to ${bottleneck.stage}: ${percent(bottleneck.share)} of it, mostly ${bottleneck.mostly}.`,
        ]),
  ];
}
