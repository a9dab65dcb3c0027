import type { Metrics, Quantiles, Rate } from '@millwright/domain';

// Figures as OpenMetrics text 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/). All are gauges over one period that moves on. What is of
// none is left out, beside a count that says so: no figure is zero for want of anything to count.

export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

type Sample = { labels?: Record<string, string>; value: number | null };

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function family(name: string, help: string, samples: readonly Sample[]): string[] {
  const unit = /_(seconds|ratio|dollars)$/.exec(name)?.[1];
  return [
    `# TYPE millwright_${name} gauge`,
    ...(unit === undefined ? [] : [`# UNIT millwright_${name} ${unit}`]),
    `# HELP millwright_${name} ${escaped(help)}`,
    ...samples.flatMap(({ labels = {}, value }) => {
      if (value === null) return [];
      const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
      return [`millwright_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`];
    }),
  ];
}

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);

/** A family of the quantiles, and one of how many they are of. */
function times(name: string, help: string, each: readonly [Record<string, string>, Quantiles][]): string[] {
  return [
    ...family(
      `${name}_seconds`,
      help,
      each.flatMap(([labels, { p50, p90 }]) => [
        { labels: { ...labels, quantile: '0.5' }, value: seconds(p50) },
        { labels: { ...labels, quantile: '0.9' }, value: seconds(p90) },
      ]),
    ),
    ...family(
      `${name}_samples`,
      `Of how many ${name.replaceAll('_', ' ')} is said`,
      each.map(([labels, { n }]) => ({ labels, value: n })),
    ),
  ];
}

const share = (name: string, help: string, { rate, of }: Rate): string[] => [
  ...family(`${name}_ratio`, help, [{ value: rate }]),
  ...family(`${name}_samples`, `Of how many ${name.replaceAll('_', ' ')} is said`, [{ value: of }]),
];

export function openMetrics(figures: Metrics): string {
  const kinds = figures.kinds.map((one) => [{ kind: one.kind }, one] as const);
  const stages = figures.stages.map((one) => [{ stage: one.stage }, one] as const);
  return [
    ...family('period_seconds', 'The period that the figures are of', [
      { value: (figures.to - figures.from) / 1_000 },
    ]),
    ...family('deployments', 'Changes that came to serve', [{ value: figures.deployments.n }]),
    ...family('deployments_per_day', 'Deployment frequency', [{ value: figures.deployments.perDay }]),
    ...times('change_lead', 'From the first change to serving', [[{}, figures.changeLead]]),
    ...share('change_failure', 'Deploys that did not stay', figures.changeFailure),
    ...times('recovery', 'From trouble to traffic being back', [[{}, figures.recovery]]),
    ...share('rework', 'Deployments that mend what had shipped', figures.rework),
    ...share('autonomy', 'Runs done without a person, whose change stayed', figures.autonomy),
    ...share('self_healing', 'What serves, brought back by itself', figures.selfHealing),
    ...family(
      'runs_ended',
      'Runs that ended',
      kinds.map(([labels, { ended }]) => ({ labels, value: ended })),
    ),
    ...family(
      'runs_done',
      'Runs that ended done',
      kinds.map(([labels, { done }]) => ({ labels, value: done })),
    ),
    ...family(
      'spent_dollars',
      'What runs that ended cost',
      kinds.map(([labels, { usd }]) => ({ labels, value: usd })),
    ),
    ...times(
      'ticket_lead',
      'From filing to done',
      kinds.map(([labels, { lead }]) => [labels, lead]),
    ),
    ...family(
      'stage_time_seconds',
      'Time of runs that ended, in each stage',
      stages.flatMap(([labels, { waitingMs, workingMs }]) => [
        { labels: { ...labels, time: 'waiting' }, value: waitingMs / 1_000 },
        { labels: { ...labels, time: 'working' }, value: workingMs / 1_000 },
      ]),
    ),
    ...times(
      'stage_waiting',
      'A stage waits',
      stages.map(([labels, { waiting }]) => [labels, waiting]),
    ),
    ...times(
      'stage_working',
      'A stage works',
      stages.map(([labels, { working }]) => [labels, working]),
    ),
    ...family(
      'bottleneck_ratio',
      'The share of all time that the longest stage has',
      figures.bottleneck === null
        ? []
        : [
            {
              labels: { stage: figures.bottleneck.stage, time: figures.bottleneck.mostly },
              value: figures.bottleneck.share,
            },
          ],
    ),
    '# EOF',
    '',
  ].join('\n');
}
